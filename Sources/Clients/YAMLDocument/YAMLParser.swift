// SPDX-License-Identifier: Apache-2.0

import CYAML

/// libyaml's event parser over bytes that outlive it. Owns the C parser.
@safe
struct YAMLParser: ~Copyable {
    enum Event {
        case documentStart, documentEnd, streamEnd, other
        case alias(anchor: String)
        case scalar(text: String, style: YAMLNode.Style, tag: String?, anchor: String?)
        case sequenceStart(tag: String?, anchor: String?)
        case mappingStart(tag: String?, anchor: String?)
        case collectionEnd
    }

    struct Failure: Error {
        var line: Int
        var column: Int
        var message: String
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// `bytes` must stay valid for the life of the parser.
    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            return nil
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
    }

    /// The next event with its 1-based place.
    mutating func next() throws(Failure) -> (event: Event, line: Int, column: Int) {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { unsafe yaml_event_delete(&event) }
        let mark = unsafe event.start_mark
        return (unsafe Self.translate(event), Self.ordinal(mark.line), Self.ordinal(mark.column))
    }

    private static func translate(_ event: yaml_event_t) -> Event {
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_STREAM_END_EVENT: return .streamEnd
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .collectionEnd
        case YAML_ALIAS_EVENT: return .alias(anchor: unsafe string(event.data.alias.anchor) ?? "")
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            return unsafe .sequenceStart(tag: string(start.tag), anchor: string(start.anchor))
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            return unsafe .mappingStart(tag: string(start.tag), anchor: string(start.anchor))
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return unsafe .scalar(
                text: String(decoding: bytes, as: UTF8.self),
                style: style(scalar.style),
                tag: string(scalar.tag),
                anchor: string(scalar.anchor)
            )
        default: return .other
        }
    }

    private static func style(_ style: yaml_scalar_style_t) -> YAMLNode.Style {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: .literal
        case YAML_FOLDED_SCALAR_STYLE: .folded
        default: .plain
        }
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        guard let text = unsafe text else { return nil }
        return unsafe String(cString: text)
    }

    /// libyaml counts from zero and its counters fit in memory; the clamp is for the type's sake.
    private static func ordinal(_ position: Int) -> Int { position == .max ? .max : position + 1 }

    private func failure() -> Failure {
        let problem =
            unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "cannot be read"
        let context = unsafe parser.pointee.context.map { unsafe String(cString: $0) }
        let isReader = unsafe parser.pointee.error == YAML_READER_ERROR
        let mark = isReader ? unsafe parser.pointee.mark : unsafe parser.pointee.problem_mark
        let message = context.map { "\($0): \(problem)" } ?? problem
        return Failure(
            line: Self.ordinal(mark.line),
            column: Self.ordinal(mark.column),
            message: message
        )
    }
}
