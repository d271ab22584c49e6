// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A place for a value that is made after the one that needs it. Set once, before anything runs.
final class Handover<Value: Sendable>: Sendable {
    private let content = Mutex<Value?>(nil)

    var value: Value? {
        get { content.withLock { $0 } }
        set { content.withLock { $0 = newValue } }
    }
}
