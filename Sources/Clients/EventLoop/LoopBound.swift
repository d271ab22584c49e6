// SPDX-License-Identifier: Apache-2.0

/// A value that lives on one loop's thread and is reached there only.
///
/// Unchecked: every access proves at run time that it happens on the loop's thread, so two threads never meet in it.
package struct LoopBound<Value>: @unchecked Sendable {
    package let loop: EventLoop
    private let stored: Value

    /// May be made on any thread; what it holds may be touched by nobody else.
    package init(_ value: Value, on loop: EventLoop) {
        self.loop = loop
        self.stored = value
    }

    /// The value; stops the process when read on another thread.
    package var value: Value {
        loop.preconditionOnLoop()
        return stored
    }
}
