// SPDX-License-Identifier: Apache-2.0

import SidecarMetrics

/// Work that may block and must not do so on the threads that serve requests.
enum OwnThread {
    /// Runs `work` on a new thread; on the caller's when the system has no thread to give.
    static func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            let isStarted = DetachedThread.start { continuation.resume(returning: work()) }
            if !isStarted { continuation.resume(returning: work()) }
        }
    }
}
