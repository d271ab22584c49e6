// SPDX-License-Identifier: Apache-2.0

import RegularExpressions

/// What is said, or heard, next.
enum ConversationStep: Sendable {
    case send([UInt8])
    case hear(Expectation)
    case startTLS

    /// What an answer has to be.
    struct Expectation: Sendable {
        enum Outcome: Hashable, Sendable {
            /// Nothing can be said yet.
            case more
            /// As wanted; so many bytes belong to it.
            case fits(Int)
            /// The peer refuses.
            case refused
        }

        let judge: @Sendable ([UInt8]) -> Outcome

        /// - Parameter refusal: a pattern for what the peer says when it does not want to.
        init(_ pattern: String, refusal: String? = nil) throws(CheckConfigurationError) {
            let wanted = try compile(pattern)
            var unwanted: RegularExpression?
            if let refusal { unwanted = try compile(refusal) }
            let refused = unwanted
            judge = { bytes in
                if let range = wanted.firstMatch(in: bytes)?.first ?? nil { return .fits(range.upperBound) }
                return refused?.firstMatch(in: bytes) != nil ? .refused : .more
            }
        }

        init(judge: @escaping @Sendable ([UInt8]) -> Outcome) {
            self.judge = judge
        }
    }

    static func say(_ text: String) -> ConversationStep { .send(Array(text.utf8)) }

    static func hear(_ pattern: String, refusal: String? = nil) throws(CheckConfigurationError) -> ConversationStep {
        .hear(try Expectation(pattern, refusal: refusal))
    }
}

private func compile(_ pattern: String) throws(CheckConfigurationError) -> RegularExpression {
    do throws(RegularExpressionError) {
        return try RegularExpression(pattern)
    } catch {
        throw CheckConfigurationError(error.description)
    }
}
