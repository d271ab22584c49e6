// SPDX-License-Identifier: Apache-2.0

import CLinux

/// What a descriptor is watched for, and what was seen on it.
package struct Readiness: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer has shut its writing side: its FIN is here, though bytes may stand before it.
    package static let peerClosed = Readiness(rawValue: EPOLLRDHUP.rawValue)
    /// Always reported, whether asked for or not.
    package static let hangup = Readiness(rawValue: EPOLLHUP.rawValue)
    /// Always reported, whether asked for or not.
    package static let error = Readiness(rawValue: EPOLLERR.rawValue)
    /// An exceptional condition: out-of-band data, or a change in a pressure or cgroup file.
    package static let exceptional = Readiness(rawValue: EPOLLPRI.rawValue)
}
