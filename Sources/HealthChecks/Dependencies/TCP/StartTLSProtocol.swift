// SPDX-License-Identifier: Apache-2.0

/// How a peer of each kind is asked to speak TLS from here on.
package enum StartTLSProtocol: String, Hashable, Sendable, CaseIterable {
    case smtp, imap, pop3, ftp, postgres, ldap

    func steps() throws(CheckConfigurationError) -> [ConversationStep] {
        switch self {
        case .smtp:
            let no = "(?m)^[45][0-9][0-9][ -]"
            return [
                try .hear("(?m)^220 [^\n]*\n", refusal: no), .say("EHLO sidecar\r\n"),
                try .hear("(?m)^250 [^\n]*\n", refusal: no), .say("STARTTLS\r\n"),
                try .hear("(?m)^220[^\n]*\n", refusal: no), .startTLS,
            ]
        case .imap:
            return [
                try .hear(#"(?m)^\* OK[^\n]*\n"#, refusal: #"(?m)^\* BYE"#), .say("a1 STARTTLS\r\n"),
                try .hear("(?m)^a1 OK[^\n]*\n", refusal: "(?m)^a1 (NO|BAD)"), .startTLS,
            ]
        case .pop3:
            return [
                try .hear(#"(?m)^\+OK[^\n]*\n"#, refusal: "(?m)^-ERR"), .say("STLS\r\n"),
                try .hear(#"(?m)^\+OK[^\n]*\n"#, refusal: "(?m)^-ERR"), .startTLS,
            ]
        case .ftp:
            let no = "(?m)^[45][0-9][0-9][ -]"
            return [
                try .hear("(?m)^220 [^\n]*\n", refusal: no), .say("AUTH TLS\r\n"),
                try .hear("(?m)^234[^\n]*\n", refusal: no), .startTLS,
            ]
        case .postgres:
            // SSLRequest: its length and the code 80877103. The answer is one byte.
            return [.send([0, 0, 0, 8, 4, 210, 22, 47]), try .hear("^S", refusal: "^[NE]"), .startTLS]
        case .ldap: return [.send(Self.ldapRequest), .hear(.init(judge: Self.ldapOutcome)), .startTLS]
        }
    }

    /// RFC 4511, 4.14.1: an ExtendedRequest with StartTLS's object identifier.
    private static let ldapRequest: [UInt8] =
        [0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16] + Array("1.3.6.1.4.1.1466.20037".utf8)

    /// An ExtendedResponse with message id 1, whose first element is the result code; 0 is success.
    private static func ldapOutcome(_ bytes: [UInt8]) -> ConversationStep.Expectation.Outcome {
        var reader = BERReader(bytes: bytes)
        guard let message = reader.element() else { return .more }
        let end = reader.position
        guard message.tag == 0x30 else { return .refused }
        var inner = BERReader(bytes: Array(bytes[message.content]))
        guard inner.element()?.tag == 0x02, let response = inner.element(), response.tag == 0x78 else {
            return .refused
        }
        var result = BERReader(bytes: Array(inner.bytes[response.content]))
        guard let code = result.element(), code.tag == 0x0a, result.bytes[code.content].elementsEqual([0]) else {
            return .refused
        }
        return .fits(end)
    }
}

/// Reads BER elements with tags of one byte and lengths of up to four.
private struct BERReader {
    let bytes: [UInt8]
    private(set) var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// The next element; nil when it is not complete.
    mutating func element() -> (tag: UInt8, content: Range<Int>)? {
        guard position + 2 <= bytes.count else { return nil }
        var start = position + 2
        var length = Int(bytes[position + 1])
        if length >= 0x80 {
            let count = length - 0x80
            guard (1...4).contains(count), start + count <= bytes.count else { return nil }
            length = bytes[start..<start + count].reduce(0) { $0 << 8 | Int($1) }
            start += count
        }
        guard length <= bytes.count - start else { return nil }
        defer { position = start + length }
        return (bytes[position], start..<start + length)
    }
}
