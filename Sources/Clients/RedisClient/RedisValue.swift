// SPDX-License-Identifier: Apache-2.0

/// A reply of a Redis server, in RESP2.
package indirect enum RedisValue: Hashable, Sendable {
    case null
    case status(String)
    case integer(Int64)
    case bytes([UInt8])
    case array([RedisValue])
    /// What the server says is wrong: a word in capitals and an explanation.
    case error(String)

    /// A status or a byte string as text.
    package var text: String? {
        switch self {
        case .status(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .integer(let number): String(number)
        case .null, .array, .error: nil
        }
    }

    package var integer: Int64? {
        switch self {
        case .integer(let number): number
        case .status, .bytes: text.flatMap { Int64($0) }
        case .null, .array, .error: nil
        }
    }

    package var array: [RedisValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    package var errorText: String? {
        if case .error(let text) = self { text } else { nil }
    }

    /// The word in capitals that an error begins with: `NOAUTH`, `LOADING`, `ERR`, ….
    package var errorCode: String? { errorText.map { String($0.prefix { $0 != " " && $0 != ":" }) } }
}
