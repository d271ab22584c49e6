// SPDX-License-Identifier: Apache-2.0

import SidecarMetrics

/// What decides about a request's instruments, in the words of router and client.
struct RouteKey: Sendable {
    let endpoint: String?
    let method: String
    let scheme: String?

    var identity: Identity {
        Identity(endpoint: StringIdentity(endpoint), method: StringIdentity(method), scheme: StringIdentity(scheme))
    }

    /// Equal for two keys that both live only if the keys are equal. Not the other way round.
    struct Identity: Equatable {
        let endpoint: StringIdentity
        let method: StringIdentity
        let scheme: StringIdentity

        var hash: UInt64 {
            LabelHasher.fold(
                endpoint.low ^ scheme.low ^ 0xa076_1d64_78bd_642f,
                endpoint.high ^ method.low &* 0x9e37_79b9_7f4a_7c15
            )
        }
    }
}

/// The two words of a string: its text when it is short, else where the text is. A router hands out copies of one
/// string, and the names of methods and schemes are short, so comparing words spares comparing texts.
struct StringIdentity: Equatable {
    let low: UInt64
    let high: UInt64

    init(_ string: String?) {
        (low, high) = unsafe unsafeBitCast(string, to: (UInt64, UInt64).self)
    }
}
