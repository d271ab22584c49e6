// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A thread for work that may block and must not do so where requests are served.
package enum DetachedThread {
    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread that nobody waits for.
    /// - Returns: false when the system has no thread to give; `body` has not run then.
    package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let job = unsafe Unmanaged.passRetained(Job(body)).toOpaque()
        let result = unsafe pthread_create(
            &thread,
            nil,
            { job in
                if let job = unsafe job { unsafe Unmanaged<Job>.fromOpaque(job).takeRetainedValue().body() }
                return nil
            },
            job
        )
        guard result == 0 else {
            unsafe Unmanaged<Job>.fromOpaque(job).release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
