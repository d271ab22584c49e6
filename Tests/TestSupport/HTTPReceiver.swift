// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A real HTTP/1.1 server on a free port that records what it is sent and answers as told.
///
/// ```swift
/// let receiver = try HTTPReceiver { request in request.target == "/slow" ? HTTPAnswer(200, delay: .seconds(1)) : HTTPAnswer(204) }
/// …
/// #expect(await receiver.waitForRequests(2))
/// ```
package final class HTTPReceiver: Sendable {
    package typealias Script = @Sendable (RecordedRequest) -> HTTPAnswer

    private struct State {
        var listener: Int32 = -1
        var connections: Set<Int32> = []
        var count = 0
        var requests: [RecordedRequest] = []
        var script: Script
        var queue: [HTTPAnswer] = []
    }

    package let port: UInt16
    private let state: Mutex<State>

    /// Starts to listen on 127.0.0.1.
    package init(port: UInt16 = 0, _ script: @escaping Script = { _ in HTTPAnswer() }) throws {
        state = Mutex(State(script: script))
        self.port = port == 0 ? try freePort() : port
        try start()
    }

    deinit {
        stop()
    }

    package var url: String { "http://127.0.0.1:\(port)" }

    package var requests: [RecordedRequest] { state.withLock { $0.requests } }

    /// How many connections were accepted so far.
    package var connectionCount: Int { state.withLock { $0.count } }

    /// Answers the next requests with these, in turn, before the script is asked again.
    package func enqueue(_ answers: HTTPAnswer...) { state.withLock { $0.queue.append(contentsOf: answers) } }

    package func answer(with script: @escaping Script) { state.withLock { $0.script = script } }

    package func clear() { state.withLock { $0.requests = [] } }

    package func waitForRequests(_ count: Int, deadline: Duration = .seconds(10)) async -> Bool {
        await waitUntil(deadline: deadline, every: .milliseconds(5)) { requests.count >= count }
    }

    /// Listens again after `stop`.
    package func start() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard bindLoopback(descriptor, port: port), listen(descriptor, 128) == 0 else {
            throw TestSupportError("cannot listen on \(port): errno \(errno)")
        }
        state.withLock { $0.listener = descriptor }
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                guard let self else {
                    close(connection)
                    return
                }
                self.serve(connection)
            }
        }
    }

    /// Stops listening and closes every connection: what comes next is refused.
    package func stop() {
        let (listener, open) = state.withLock { state in
            defer { state.listener = -1 }
            return (state.listener, state.connections)
        }
        if listener >= 0 {
            shutdown(listener, Int32(SHUT_RDWR))
            close(listener)
        }
        for connection in open { shutdown(connection, Int32(SHUT_RDWR)) }
    }

    /// Closes the open connections, all at once, or resets them; goes on listening.
    package func closeConnections(reset: Bool = false) {
        for connection in state.withLock({ $0.connections }) {
            if reset {
                // Connecting to nothing dissolves an association; with a linger of zero the peer sees a reset.
                setReset(connection)
                var nothing = sockaddr()
                nothing.sa_family = sa_family_t(AF_UNSPEC)
                _ = unsafe connect(connection, &nothing, socklen_t(MemoryLayout<sockaddr>.size))
            } else {
                shutdown(connection, Int32(SHUT_RDWR))
            }
        }
    }

    private func serve(_ connection: Int32) {
        let number = state.withLock { state in
            state.count += 1
            state.connections.insert(connection)
            return state.count
        }
        Thread.detachNewThread { [weak self] in
            var reader = RequestReader(descriptor: connection, number: number)
            while let request = reader.next() {
                guard let receiver = self else { break }
                let answer = receiver.record(request)
                guard send(answer, on: connection) else { break }
            }
            // Others may be about to shut it down by its number: take it off the list first.
            if let receiver = self { receiver.state.withLock { _ = $0.connections.remove(connection) } }
            close(connection)
        }
    }

    private func record(_ request: RecordedRequest) -> HTTPAnswer {
        let (queued, script) = state.withLock { state in
            state.requests.append(request)
            return (state.queue.isEmpty ? nil : state.queue.removeFirst(), state.script)
        }
        return queued ?? script(request)
    }
}

/// False when the connection is over.
private func send(_ answer: HTTPAnswer, on connection: Int32) -> Bool {
    if answer.delay > .zero { pause(answer.delay) }
    var isOpen = true
    if let raw = answer.raw {
        isOpen = writeAll(raw, to: connection)
    } else if case .hang = answer.ending {
        isOpen = true
    } else {
        isOpen = writeAll(answer.head(), to: connection)
        if answer.bodyDelay > .zero { pause(answer.bodyDelay) }
        isOpen = isOpen && writeAll(answer.body, to: connection)
    }
    switch answer.ending {
    case .keepAlive: return isOpen
    case .close, .closeSilently: return false
    case .reset:
        setReset(connection)
        return false
    case .hang:
        // Until the peer or `stop` ends it.
        var byte: UInt8 = 0
        while unsafe recv(connection, &byte, 1, 0) > 0 {}
        return false
    }
}

private func pause(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    Thread.sleep(forTimeInterval: Double(seconds) + Double(attoseconds) * 1e-18)
}
