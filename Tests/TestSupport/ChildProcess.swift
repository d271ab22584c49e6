// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A program started by a test, with its output in files. Killed with its owner, and when the tests end.
package final class ChildProcess: Sendable {
    package enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    package let identifier: Int32
    private let files: TemporaryDirectory
    private let exit = Mutex<Exit?>(nil)

    /// Starts `executable` (looked up in `PATH` and the usual places when it has no slash).
    ///
    /// - Parameters:
    ///   - user: whom to become first; ignored unless the tests run as root.
    package init(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        directory: String? = nil,
        user: String? = nil
    ) throws {
        guard let program = findExecutable(executable) else { throw TestSupportError("\(executable) is not installed") }
        var command = [program] + arguments
        if let directory { command = ["/usr/bin/env", "-C", directory] + command }
        if let user, getuid() == 0 {
            guard let setpriv = findExecutable("setpriv") else { throw TestSupportError("setpriv is not installed") }
            command = [setpriv, "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "--"] + command
        }
        files = try TemporaryDirectory("process")
        var merged = ProcessInfo.processInfo.environment
        merged.merge(environment) { $1 }
        identifier = try spawn(
            command,
            environment: merged.map { "\($0.key)=\($0.value)" },
            output: files.path("output"),
            error: files.path("error")
        )
        Self.register(identifier)
    }

    deinit {
        if exit.withLock({ $0 }) == nil {
            kill(identifier, SIGKILL)
            kill(identifier, SIGCONT)
            var status: Int32 = 0
            unsafe waitpid(identifier, &status, 0)
        }
        Self.forget(identifier)
    }

    package var output: String { (try? files.read("output")) ?? "" }

    package var errorOutput: String { (try? files.read("error")) ?? "" }

    package var isRunning: Bool { poll() == nil }

    package func send(_ signal: Int32) {
        guard poll() == nil else { return }
        kill(identifier, signal)
    }

    /// How it ended; nil when it still runs at the deadline.
    package func wait(deadline: Duration = .seconds(10)) async -> Exit? {
        _ = await waitUntil(deadline: deadline, every: .milliseconds(5)) { poll() != nil }
        return poll()
    }

    /// Asks it to end, and kills it when it does not.
    @discardableResult
    package func stop(_ signal: Int32 = SIGTERM, grace: Duration = .seconds(5)) async -> Exit? {
        send(signal)
        send(SIGCONT)
        if let exit = await wait(deadline: grace) { return exit }
        send(SIGKILL)
        return await wait()
    }

    /// Runs a program to its end.
    package static func run(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        user: String? = nil,
        deadline: Duration = .seconds(60)
    ) async throws -> (exit: Exit, output: String, error: String) {
        let process = try ChildProcess(executable, arguments, environment: environment, user: user)
        guard let exit = await process.wait(deadline: deadline) else {
            await process.stop(SIGKILL)
            throw TestSupportError("\(executable) did not end in \(deadline)")
        }
        return (exit, process.output, process.errorOutput)
    }

    private func poll() -> Exit? {
        exit.withLock { exit in
            if let exit { return exit }
            var status: Int32 = 0
            guard unsafe waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
            let signal = status & 0x7f
            exit = signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
            return exit
        }
    }

    private static let running = Mutex<Set<Int32>>([])
    private static let killAtExit: Void = {
        atexit { ChildProcess.running.withLock { for process in $0 { kill(process, SIGKILL) } } }
    }()

    private static func register(_ process: Int32) {
        _ = killAtExit
        _ = running.withLock { $0.insert(process) }
    }

    private static func forget(_ process: Int32) {
        _ = running.withLock { $0.remove(process) }
    }
}

/// The full path of a program, nil when it is not installed.
package func findExecutable(_ name: String) -> String? {
    if name.contains("/") { return unsafe access(name, X_OK) == 0 ? name : nil }
    let search = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let usual = [
        "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/lib/postgresql/15/bin", "/lib/systemd",
    ]
    return (search + usual).map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
}

private func spawn(
    _ command: [String],
    environment: [String],
    output: String,
    error: String
) throws -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, error, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // A group of its own, so that a Ctrl-C of the tests does not reach it half-way; no inherited signal mask.
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    var process: Int32 = 0
    let outcome = unsafe withCStrings(command) { arguments in
        unsafe withCStrings(environment) { variables in
            unsafe posix_spawn(&process, command[0], &actions, &attributes, arguments, variables)
        }
    }
    guard outcome == 0 else { throw TestSupportError("cannot start \(command[0]): errno \(outcome)") }
    return process
}

private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
    defer {
        for index in unsafe pointers.indices { unsafe free(pointers[index]) }
    }
    return unsafe pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { fatalError("an array that ends with nil is not empty") }
        return unsafe body(base)
    }
}
