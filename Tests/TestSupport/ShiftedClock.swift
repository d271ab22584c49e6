// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A wall clock that can be set while a program runs under it: a small library is put before the C library's and adds the
/// seconds that stand in a file. The monotonic clock stays true.
package final class ShiftedClock: Sendable {
    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static long shift(void) {
            const char *path = getenv("SHIFT_FILE");
            char text[32] = {0};
            if (!path) return 0;
            long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
            if (file < 0) return 0;
            syscall(SYS_read, file, text, sizeof text - 1);
            syscall(SYS_close, file);
            return atol(text);
        }

        int clock_gettime(clockid_t clock, struct timespec *time) {
            long result = syscall(SYS_clock_gettime, clock, time);
            if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += shift();
            return (int)result;
        }

        int gettimeofday(struct timeval *time, void *zone) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            time->tv_sec = now.tv_sec;
            time->tv_usec = now.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *result) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (result) *result = now.tv_sec;
            return now.tv_sec;
        }
        """

    private let directory: TemporaryDirectory
    /// What a program needs to run under the clock.
    package let environment: [String: String]

    /// - Parameter seconds: how far the clock is off at first.
    package init(by seconds: Int = 0) async throws {
        directory = try TemporaryDirectory("clock")
        let source = try directory.write(Self.source, to: "clock.c")
        let library = directory.path("clock.so")
        let result = try await ChildProcess.run("clang", ["-O2", "-shared", "-fPIC", source, "-o", library])
        guard result.exit == .code(0) else { throw TestSupportError(result.error) }
        environment = ["LD_PRELOAD": library, "SHIFT_FILE": directory.path("shift")]
        try set(by: seconds)
    }

    /// Sets the clock, for the programs that run under it.
    package func set(by seconds: Int) throws {
        try "\(seconds)".write(toFile: directory.path("shift"), atomically: true, encoding: .utf8)
    }
}
