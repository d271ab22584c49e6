// SPDX-License-Identifier: Apache-2.0

import Exposition

/// What one target says about its metrics, as far as there is room for it.
final class MetadataNotes {
    private(set) var metrics: [String: MetricMetadata] = [:]
    /// Whether the current body said something new.
    private(set) var isChanged = false
    private var bytes = 0
    /// Bytes of names and texts that are kept of one target.
    static let byteLimit = 4 << 20

    func begin() { isChanged = false }

    func note(_ family: MetricFamily) {
        let new = MetricMetadata(type: family.kind.rawValue, help: family.help ?? "", unit: family.unit ?? "")
        change(family.name) { $0 = new }
    }

    func note(_ entry: ExpositionCursor.Entry, _ block: Span<UInt8>, _ encoding: ExpositionFormat.Encoding) {
        func text(_ range: Range<Int>) -> String {
            unsafe block.extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
        }
        switch entry {
        case .type(let name, let kind): change(text(name)) { $0.type = kind.rawValue }
        case .help(let name, let range):
            change(text(name)) { $0.help = ExpositionSeries.decodeHelp(block.extracting(range), encoding: encoding) }
        case .unit(let name, let range): change(text(name)) { $0.unit = text(range) }
        case .sample, .comment: break
        }
    }

    private func change(_ name: String, _ body: (inout MetricMetadata) -> Void) {
        let before = metrics[name]
        guard before != nil || metrics.count < MetadataBoard.limit else { return }
        var new = before ?? MetricMetadata()
        body(&new)
        guard new != before else { return }
        let growth = new.textBytes - (before?.textBytes ?? -name.utf8.count)
        guard growth <= 0 || bytes + growth <= Self.byteLimit else { return }
        bytes += growth
        metrics[name] = new
        isChanged = true
    }
}

extension MetricMetadata {
    fileprivate var textBytes: Int { help.utf8.count + unit.utf8.count }
}
