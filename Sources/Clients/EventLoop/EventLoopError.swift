// SPDX-License-Identifier: Apache-2.0

/// A system call that the event loop needs has failed.
package struct EventLoopError: Error, Hashable, Sendable, CustomStringConvertible {
    package var call: String
    package var code: Int32

    package init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    package var description: String { "\(call) failed: errno \(code)" }
}
