// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

private final class ThreadBody {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// Runs one blocking piece of work on a thread of its own, so that neither the loop nor the cooperative pool waits.
/// False when the system gives no thread.
package func startDetachedThread(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setstacksize(&attributes, 256 << 10)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(ThreadBody(name: name, body: body))
    let outcome = unsafe pthread_create(
        &thread,
        &attributes,
        { context in
            guard let context = unsafe context else { return nil }
            let work = unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue()
            var signals = sigset_t()
            unsafe sigfillset(&signals)
            unsafe pthread_sigmask(SIG_SETMASK, &signals, nil)
            _ = unsafe work.name.withCString { name in unsafe clinux_name_thread(name) }
            work.body()
            return nil
        },
        context.toOpaque()
    )
    if outcome != 0 { unsafe context.release() }
    return outcome == 0
}
