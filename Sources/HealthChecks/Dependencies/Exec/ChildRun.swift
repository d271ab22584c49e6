// SPDX-License-Identifier: Apache-2.0

import CLinux
import EventLoop
import Glibc

/// One run of a program in a process group of its own, with its end and the first bytes of its output.
struct ChildRun: Sendable {
    enum End: Hashable, Sendable {
        case status(Int32)
        case signal(Int32)
        case timedOut
        case notStarted(Int32)
    }

    /// Output beyond this is read and forgotten, so that the program does not wait.
    static let outputLimit = 16 << 10

    var end: End
    var output: [UInt8] = []

    var status: Int32? { if case .status(let status) = end { status } else { nil } }

    /// Runs the program to its end or to the deadline; then the whole group is killed. Blocks.
    static func perform(_ configuration: ExecCheckConfiguration, deadline: Duration) -> ChildRun {
        let end = MonotonicTime.now() + (deadline - .milliseconds(10))
        var pipes: [Int32] = [-1, -1]
        guard unsafe clinux_pipe(&pipes) == 0 else { return ChildRun(end: .notStarted(errno)) }
        defer { close(pipes[0]) }
        let child: pid_t
        switch start(configuration, output: pipes[1]) {
        case .success(let identifier): child = identifier
        case .failure(let error):
            close(pipes[1])
            return ChildRun(end: .notStarted(error.code))
        }
        close(pipes[1])
        var run = ChildRun(end: .timedOut)
        let isComplete = run.read(pipes[0], until: end)
        run.end = reap(child, isComplete: isComplete, until: end)
        return run
    }

    private struct StartError: Error {
        let code: Int32
    }

    private static func start(_ configuration: ExecCheckConfiguration, output: Int32) -> Result<pid_t, StartError> {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        if let directory = configuration.directory {
            unsafe clinux_spawn_in_directory(&actions, directory)
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // A group of its own dies as a whole; the signals that this process blocks or ignores are the program's again.
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let pairs = [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")]
        let variables = (pairs + configuration.environment.map { ($0.name, $0.value) }).map { "\($0.0)=\($0.1)" }
        var child: pid_t = 0
        let code = unsafe withCStrings([configuration.path] + configuration.arguments) { arguments in
            unsafe withCStrings(variables) { environment in
                unsafe posix_spawn(&child, configuration.path, &actions, &attributes, arguments, environment)
            }
        }
        return code == 0 ? .success(child) : .failure(StartError(code: code))
    }

    /// Reads to the end of the output; false when the time is over first.
    private mutating func read(_ descriptor: Int32, until end: MonotonicTime) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4 << 10)
        while true {
            let remaining = end - MonotonicTime.now()
            guard remaining > .zero else { return false }
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&wanted, 1, Int32(clamping: remaining.atLeastOneMillisecond))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return false }
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return true }
            output += chunk[..<min(count, max(0, Self.outputLimit - output.count))]
        }
    }

    /// Waits for the program's end, killing its group when the time is over.
    private static func reap(_ child: pid_t, isComplete: Bool, until end: MonotonicTime) -> End {
        var status: Int32 = 0
        if isComplete {
            while MonotonicTime.now() < end {
                let outcome = unsafe waitpid(child, &status, WNOHANG)
                // What the program left behind in its group goes with it.
                if outcome == child {
                    kill(-child, SIGKILL)
                    return Self.end(status)
                }
                if outcome < 0, errno != EINTR { return .notStarted(errno) }
                usleep(1_000)
            }
        }
        kill(-child, SIGKILL)
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        return .timedOut
    }

    private static func end(_ status: Int32) -> End {
        let signal = status & 0x7f
        return signal == 0 ? .status(status >> 8 & 0xff) : .signal(signal)
    }
}

/// A list of C strings that ends with a null pointer, for the time of a call.
private func withCStrings(
    _ texts: [String],
    _ body: ([UnsafeMutablePointer<CChar>?]) -> Int32
) -> Int32 {
    var pointers = unsafe texts.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer { for index in 0..<texts.count { unsafe free(pointers[index]) } }
    return unsafe body(pointers)
}
