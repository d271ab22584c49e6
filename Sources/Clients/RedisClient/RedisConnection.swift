// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// One connection to Redis on the loop's thread; commands are pipelined. While nothing is asked the stream is watched.
package final class RedisConnection {
    package struct Login: Sendable {
        package var username: String?
        package var password: String?
        package var database = 0
        package var clientName: String? = "sidecar"

        package init() {}
    }

    /// Bytes of one reply; INFO of a large server with every command is some tens of KiB.
    private static let replyLimit = 16 << 20

    private let loop: EventLoop
    private let stream: any ByteStream
    private var reader: RedisReader?
    private var expected = 0
    private var replies: [RedisValue] = []
    private var completion: ((Result<[RedisValue], RedisFailure>) -> Void)?
    private var timer: LoopTimer?
    package private(set) var isOpen = false
    /// The server has ended an idle connection.
    package var onClose: ((RedisFailure) -> Void)?

    package init(loop: EventLoop, stream: any ByteStream) {
        self.loop = loop
        self.stream = stream
    }

    package var phases: StreamPhases { stream.phases }

    /// Connects and logs in; calls back once. On failure another object is needed.
    package func open(_ login: Login, deadline: Duration, completion: @escaping (RedisFailure?) -> Void) {
        let start = MonotonicTime.now()
        reader = RedisReader(limit: Self.replyLimit)
        stream.onBytes = { [weak self] bytes in self?.received(bytes) }
        stream.onEnd = { [weak self] failure in self?.lost(RedisFailure(failure)) }
        stream.open(deadline: deadline) { [weak self] failure in
            guard let self else { return }
            if let failure { return completion(RedisFailure(failure)) }
            isOpen = true
            greet(login, deadline: deadline - (MonotonicTime.now() - start), completion: completion)
        }
    }

    private func greet(_ login: Login, deadline: Duration, completion: @escaping (RedisFailure?) -> Void) {
        var commands: [[String]] = []
        if let password = login.password {
            commands.append(login.username.map { ["AUTH", $0, password] } ?? ["AUTH", password])
        }
        let isNamed = login.clientName != nil
        if let name = login.clientName { commands.append(["CLIENT", "SETNAME", name]) }
        if login.database != 0 { commands.append(["SELECT", String(login.database)]) }
        guard !commands.isEmpty else { return completion(nil) }
        send(commands, deadline: max(.milliseconds(1), deadline)) { [weak self] outcome in
            switch outcome {
            case .failure(let failure): completion(failure)
            case .success(let replies):
                var texts = replies.map(\.errorText)
                // A name is a courtesy that old servers, ACLs and a server that is loading do not grant. At its limit of
                // clients a server answers whatever comes first with that, and hangs up.
                let position = login.password == nil ? 0 : 1
                let isCrowded = texts.compactMap { $0 }.contains { RedisFailure(reply: $0).reason == .tooManyClients }
                if isNamed, !isCrowded { texts[position] = nil }
                guard let text = texts.compactMap({ $0 }).first else { return completion(nil) }
                self?.close()
                completion(RedisFailure(reply: text))
            }
        }
    }

    /// Sends commands at once and waits for as many replies; calls back once. One batch at a time. After a deadline the
    /// connection is closed, because what comes late would be taken for the next answer.
    package func send(
        _ commands: [[String]],
        deadline: Duration,
        completion: @escaping (Result<[RedisValue], RedisFailure>) -> Void
    ) {
        loop.preconditionOnLoop()
        guard isOpen, self.completion == nil, !commands.isEmpty else {
            return completion(.failure(RedisFailure(.internal, "not connected, or busy")))
        }
        self.completion = completion
        expected = commands.count
        replies = []
        timer = loop.schedule(after: deadline) { [weak self] in
            self?.timer = nil
            self?.lost(RedisFailure(.timeout))
        }
        var bytes: [UInt8] = []
        for command in commands { append(command, to: &bytes) }
        stream.send(bytes)
    }

    /// Ends the connection; nobody is called back.
    package func close() {
        completion = nil
        release()
    }

    private func received(_ bytes: [UInt8]) {
        guard let reader else { return }
        guard reader.feed(bytes) else { return lost(RedisFailure(.protocolViolation, "a reply that is too long")) }
        do throws(RedisFailure) {
            while let value = try reader.next() {
                guard completion != nil else {
                    // Unasked for: the server's reason for hanging up, as at its limit of clients.
                    if let text = value.errorText { lost(RedisFailure(reply: text)) }
                    return
                }
                replies.append(value)
                if replies.count == expected { finish(.success(replies)) }
            }
        } catch {
            lost(error)
        }
    }

    private func lost(_ failure: RedisFailure) {
        guard isOpen else { return }
        release()
        if completion != nil {
            // A server at its limit of clients answers once, whatever was asked, and hangs up.
            let said = replies.lazy.compactMap(\.errorText).first.map { RedisFailure(reply: $0) }
            finish(.failure(said ?? failure))
        } else {
            onClose?(failure)
        }
    }

    private func finish(_ outcome: Result<[RedisValue], RedisFailure>) {
        if let timer { loop.cancel(timer) }
        timer = nil
        let completion = self.completion
        self.completion = nil
        replies = []
        completion?(outcome)
    }

    private func release() {
        if let timer { loop.cancel(timer) }
        timer = nil
        isOpen = false
        stream.onBytes = nil
        stream.onEnd = nil
        stream.close()
    }
}

/// A command as an array of byte strings, whose lengths make any content harmless.
private func append(_ command: [String], to bytes: inout [UInt8]) {
    bytes += Array("*\(command.count)\r\n".utf8)
    for word in command {
        bytes += Array("$\(word.utf8.count)\r\n".utf8)
        bytes += Array(word.utf8)
        bytes += [13, 10]
    }
}
