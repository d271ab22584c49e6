// SPDX-License-Identifier: Apache-2.0

import CPostgres
package import EventLoop

/// One connection to PostgreSQL through libpq, never blocking, on the loop's thread.
///
/// While nothing is asked the connection is watched: `onClose` is called when the server ends it.
@safe package final class PostgresConnection {
    private enum State {
        case idle
        case resolving, connecting
        case ready
        case busy
        case closed
    }

    private static let rowLimit = 10_000

    private let loop: EventLoop
    private let resolver: NameResolver
    private let parameters: PostgresParameters
    private var state = State.idle
    private var connection: OpaquePointer?
    private var watched: Int32?
    private var timer: LoopTimer?
    private var connected: ((PostgresFailure?) -> Void)?
    private var answered: ((PostgresBatch) -> Void)?
    private var batch = PostgresBatch()
    private var hasTransport = false
    private var isSending = false

    /// The server has ended an idle connection; the argument says what it said, if anything.
    package var onClose: ((PostgresFailure) -> Void)?

    package init(loop: EventLoop, resolver: NameResolver, parameters: PostgresParameters) {
        self.loop = loop
        self.resolver = resolver
        self.parameters = parameters
    }

    deinit {
        if let connection = unsafe connection { unsafe PQfinish(connection) }
    }

    /// Logged in, and nothing under way.
    package var isReady: Bool { if case .ready = state { true } else { false } }

    /// As the server reports it: 150020 is 15.20. 0 before the login.
    package var serverVersion: Int {
        guard let connection = unsafe connection else { return 0 }
        return Int(unsafe PQserverVersion(connection))
    }

    /// The server's answer to `standard_conforming_strings` and the like, as it reports them.
    package func parameterStatus(_ name: String) -> String? {
        guard let connection = unsafe connection, let value = unsafe PQparameterStatus(connection, name) else {
            return nil
        }
        return unsafe String(cString: value)
    }

    // MARK: Logging in

    /// Logs in; calls back once. On failure the connection is closed and another object is needed.
    package func connect(deadline: Duration, completion: @escaping (PostgresFailure?) -> Void) {
        loop.preconditionOnLoop()
        guard case .idle = state else { return completion(PostgresFailure(.internal, "already used")) }
        connected = completion
        state = .resolving
        timer = loop.schedule(after: deadline) { [weak self] in self?.connectTimedOut() }
        resolve(parameters.unresolved[...], addresses: [:])
    }

    /// One host after the other; libpq would block in `getaddrinfo`.
    private func resolve(_ remaining: ArraySlice<(index: Int, host: String)>, addresses: [Int: String]) {
        guard case .resolving = state else { return }
        guard let (index, host) = remaining.first else { return start(addresses) }
        resolver.resolve(host) { [weak self] resolution in
            guard let self, case .resolving = state else { return }
            switch resolution.addresses {
            case .success(let found):
                var addresses = addresses
                addresses[index] = found.first(where: { !$0.isIPv6 })?.text ?? found.first?.text
                resolve(remaining.dropFirst(), addresses: addresses)
            case .failure(let error):
                fail(PostgresFailure(.dns, error.rawValue))
            }
        }
    }

    private func start(_ addresses: [Int: String]) {
        let values = parameters.completed(addresses: addresses).sorted { $0.key < $1.key }
        unsafe connection = unsafe startConnection(values)
        guard let connection = unsafe connection, unsafe PQstatus(connection) != CONNECTION_BAD else {
            return fail(loginFailure(errorMessage, wasConnected: false))
        }
        _ = unsafe PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        _ = unsafe PQsetNoticeReceiver(connection, { _, _ in }, nil)
        state = .connecting
        watch(for: .writable)
    }

    private func advanceLogin() {
        guard let connection = unsafe connection else { return }
        // The descriptor may change when libpq goes to the next host.
        let outcome = unsafe PQconnectPoll(connection)
        if unsafe PQstatus(connection) != CONNECTION_STARTED { hasTransport = true }
        switch outcome {
        case PGRES_POLLING_READING: watch(for: .readable)
        case PGRES_POLLING_WRITING: watch(for: .writable)
        case PGRES_POLLING_OK:
            guard unsafe PQsetnonblocking(connection, 1) == 0 else {
                return fail(PostgresFailure(.internal, "nonblocking"))
            }
            becomeReady()
            let completion = connected
            connected = nil
            completion?(nil)
        default: fail(loginFailure(errorMessage, wasConnected: hasTransport))
        }
    }

    private func connectTimedOut() {
        timer = nil
        let isResolving = if case .resolving = state { true } else { false }
        if isResolving { return fail(PostgresFailure(.dns, "name server did not answer in time")) }
        if let connection = unsafe connection, unsafe PQstatus(connection) != CONNECTION_STARTED { hasTransport = true }
        fail(hasTransport ? PostgresFailure(.timeout, "no answer to the login") : PostgresFailure(.connectTimeout))
    }

    // MARK: Asking

    /// Sends statements in one message and collects all their results; calls back once. After a deadline the connection
    /// is closed, because an answer that comes too late must not be taken for the next one.
    package func query(_ sql: String, deadline: Duration, completion: @escaping (PostgresBatch) -> Void) {
        unsafe ask(deadline: deadline, completion: completion) { connection in unsafe PQsendQuery(connection, sql) }
    }

    /// Sends one statement whose parameters are written `$1`, `$2` …; otherwise as `query` without parameters.
    package func query(
        _ sql: String,
        parameters: [PostgresParameter],
        deadline: Duration,
        completion: @escaping (PostgresBatch) -> Void
    ) {
        unsafe ask(deadline: deadline, completion: completion) { connection in
            let types = parameters.map { Oid($0.type.rawValue) }
            return unsafe CStringList(parameters.map(\.value)).withPointers { values in
                unsafe PQsendQueryParams(connection, sql, Int32(clamping: parameters.count), types, values, nil, nil, 0)
            }
        }
    }

    private func ask(
        deadline: Duration,
        completion: @escaping (PostgresBatch) -> Void,
        send: (OpaquePointer) -> Int32
    ) {
        loop.preconditionOnLoop()
        guard case .ready = state, let connection = unsafe connection else {
            var failed = PostgresBatch()
            failed.failure = PostgresFailure(.internal, "not connected")
            return completion(failed)
        }
        state = .busy
        answered = completion
        batch = PostgresBatch()
        timer = loop.schedule(after: deadline) { [weak self] in
            self?.timer = nil
            self?.fail(PostgresFailure(.timeout, "no answer in time"))
        }
        guard unsafe send(connection) == 1 else { return fail(lostFailure()) }
        flush()
    }

    private func flush() {
        guard let connection = unsafe connection else { return }
        switch unsafe PQflush(connection) {
        case 0:
            isSending = false
            watch(for: [.readable, .peerClosed])
        case 1:
            isSending = true
            watch(for: [.readable, .writable, .peerClosed])
        default: fail(lostFailure())
        }
    }

    private func collectResults() {
        guard let connection = unsafe connection else { return }
        guard unsafe PQconsumeInput(connection) == 1 else { return fail(lostFailure()) }
        if isSending { flush() }
        while case .busy = state, unsafe PQisBusy(connection) == 0 {
            guard let result = unsafe PQgetResult(connection) else { return finishQuery() }
            defer { unsafe PQclear(result) }
            switch unsafe PQresultStatus(result) {
            case PGRES_TUPLES_OK: batch.results.append(unsafe PostgresResult(result, limit: Self.rowLimit))
            case PGRES_COMMAND_OK: batch.results.append(unsafe PostgresResult(changesOf: result))
            case PGRES_EMPTY_QUERY: batch.results.append(PostgresResult())
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                return fail(PostgresFailure(.statement, "COPY is not supported here"))
            default: if batch.failure == nil { batch.failure = unsafe failure(of: result) }
            }
        }
    }

    private func finishQuery() {
        guard let connection = unsafe connection else { return }
        let completion = answered
        answered = nil
        let finished = batch
        batch = PostgresBatch()
        if unsafe PQstatus(connection) == CONNECTION_BAD {
            release()
        } else {
            becomeReady()
        }
        completion?(finished)
    }

    // MARK: Being idle

    private func becomeReady() {
        if let timer { loop.cancel(timer) }
        timer = nil
        state = .ready
        watch(for: [.readable, .peerClosed])
    }

    private func idleInput() {
        guard let connection = unsafe connection else { return }
        guard unsafe PQconsumeInput(connection) == 1 else { return idleEnd() }
        // Notices and parameter changes are taken in; a last word of the server before it closes is one, too.
        while let note = unsafe PQnotifies(connection) { unsafe PQfreemem(note) }
        _ = unsafe PQisBusy(connection)
        if unsafe PQstatus(connection) == CONNECTION_BAD { idleEnd() }
    }

    private func idleEnd() {
        let failure = lostFailure()
        release()
        onClose?(failure)
    }

    /// Ends the connection; nobody is called back.
    package func close() {
        loop.preconditionOnLoop()
        connected = nil
        answered = nil
        release()
    }

    // MARK: Plumbing

    private func ready(_ readiness: Readiness) {
        switch state {
        case .connecting: advanceLogin()
        case .busy: collectResults()
        case .ready: idleInput()
        case .idle, .resolving, .closed: break
        }
    }

    private func watch(for interest: Readiness) {
        guard let connection = unsafe connection else { return }
        let descriptor = unsafe PQsocket(connection)
        if let watched, watched != descriptor { loop.unwatch(watched) }
        watched = descriptor
        do throws(EventLoopError) {
            try loop.watch(descriptor, for: interest) { [weak self] in self?.ready($0) }
        } catch {
            fail(PostgresFailure(.internal, error.description))
        }
    }

    private func fail(_ failure: PostgresFailure) {
        let login = connected
        let answer = answered
        connected = nil
        answered = nil
        var failed = batch
        failed.failure = failed.failure ?? failure
        batch = PostgresBatch()
        release()
        login?(failure)
        answer?(failed)
    }

    private func release() {
        if let timer { loop.cancel(timer) }
        timer = nil
        if let watched { loop.unwatch(watched) }
        watched = nil
        if let connection = unsafe connection { unsafe PQfinish(connection) }
        unsafe connection = nil
        state = .closed
    }

    private var errorMessage: String {
        guard let connection = unsafe connection, let text = unsafe PQerrorMessage(connection) else {
            return "out of memory"
        }
        return unsafe String(cString: text)
    }

    /// The connection is gone in the middle of something.
    private func lostFailure() -> PostgresFailure {
        let failure = loginFailure(errorMessage, wasConnected: true)
        return failure.reason == .internal ? PostgresFailure(.closed, failure.text) : failure
    }

    private func failure(of result: OpaquePointer) -> PostgresFailure {
        let state = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { unsafe String(cString: $0) }
        let text = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { unsafe String(cString: $0) } ?? ""
        guard let state else { return loginFailure(errorMessage, wasConnected: true) }
        return PostgresFailure(sqlState: state, text: shortened(text))
    }
}

/// `PQconnectStartParams` with arrays that end with nil.
private func startConnection(_ values: [(key: String, value: String)]) -> OpaquePointer? {
    let keys = CStringList(values.map(\.key))
    let texts = CStringList(values.map(\.value))
    return unsafe keys.withPointers { keys in
        unsafe texts.withPointers { texts in unsafe PQconnectStartParams(keys, texts, 0) }
    }
}
