// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// HTTP over libcurl on an event loop: connections are kept and shared, and watched while nobody uses them.
///
/// One client per loop; it closes when the loop stops.
package final class HTTPClient: Sendable {
    package struct Configuration: Sendable {
        /// Idle connections kept open in all.
        package var maximumConnections = 512

        package init() {}
    }

    /// Counted since the start.
    package struct Statistics: Hashable, Sendable {
        package var connectionsOpened = 0
        package var connectionsOpen = 0
        package var edges = 0
        /// Descriptors that the loop could not watch.
        package var unwatchable = 0

        package init() {}
    }

    package let loop: EventLoop
    private let engine: LoopBound<CurlEngine>

    package init(loop: EventLoop, configuration: Configuration = Configuration()) throws(HTTPFailure) {
        self.loop = loop
        let engine = LoopBound(
            try CurlEngine(loop: loop, maximumConnections: configuration.maximumConnections),
            on: loop
        )
        self.engine = engine
        loop.execute { loop.onStop { engine.value.close() } }
    }

    /// Starts a transfer. On the loop's thread only; the delegate is called there, possibly before this returns, and is
    /// held until it has heard `transferDidComplete`.
    @discardableResult
    package func start(_ request: HTTPRequest, delegate: any HTTPTransferDelegate) -> HTTPTransfer {
        let engine = self.engine.value
        let origin = request.origin
        let exchange = HTTPExchange(request, origin: origin ?? .none, engine: engine, delegate: delegate)
        if let problem = request.problem {
            exchange.ownFailure = HTTPFailure(.invalidRequest, problem)
            engine.cancel(exchange)
            return HTTPTransfer(exchange)
        }
        let isDirect = request.proxy == nil && request.unixSocketPath == nil
        engine.start(
            exchange,
            host: isDirect ? origin?.host : nil,
            connectTimeout: request.connectTimeout,
            deadline: request.deadline
        )
        return HTTPTransfer(exchange)
    }

    /// Sends a request and waits for the whole answer, whatever its status. From any thread; cancelling the task ends
    /// the transfer.
    package func perform(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
        let handle = TransferHandle()
        let outcome: Result<HTTPResponse, HTTPFailure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let accepted = loop.execute { [self] in
                    var request = request
                    request.collectsHeaders = true
                    let collector = ResponseCollector { continuation.resume(returning: $0) }
                    handle.started(start(request, delegate: collector))
                }
                if !accepted {
                    continuation.resume(returning: .failure(HTTPFailure(.cancelled, "the loop has stopped")))
                }
            }
        } onCancel: {
            loop.execute { handle.cancel() }
        }
        return try outcome.get()
    }

    /// Calls `handler` when the peer of an idle connection to `origin` closes it. On the loop's thread only.
    package func observeConnections(
        to origin: HTTPOrigin,
        _ handler: @escaping (ConnectionEdge) -> Void
    ) -> ConnectionObservation {
        engine.value.connections.observe(origin, handler)
    }

    /// On the loop's thread only.
    package func end(_ observation: ConnectionObservation) {
        engine.value.connections.end(observation)
    }

    /// On the loop's thread only.
    package var statistics: Statistics {
        let connections = engine.value.connections
        var statistics = Statistics()
        statistics.connectionsOpened = connections.opened
        statistics.connectionsOpen = connections.open
        statistics.edges = connections.edges
        statistics.unwatchable = connections.unwatchable
        return statistics
    }

    /// For transfers that are not HTTP, in this module.
    var curl: CurlEngine { engine.value }
}

extension HTTPOrigin {
    /// Of a request that is refused before it begins.
    fileprivate static var none: HTTPOrigin { HTTPOrigin(scheme: "", host: "", port: 0) }

    init(scheme: String, host: String, port: UInt16) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }
}

/// Joins a task's cancellation with the transfer on the loop.
///
/// Unchecked: both methods are called on the loop's thread only.
private final class TransferHandle: @unchecked Sendable {
    private var transfer: HTTPTransfer?
    private var isCancelled = false

    func started(_ transfer: HTTPTransfer) {
        self.transfer = transfer
        if isCancelled { transfer.cancel() }
    }

    func cancel() {
        isCancelled = true
        transfer?.cancel()
    }
}

/// Gathers an answer in memory.
private final class ResponseCollector: HTTPTransferDelegate {
    private var body: [UInt8] = []
    private let completion: (Result<HTTPResponse, HTTPFailure>) -> Void

    init(completion: @escaping (Result<HTTPResponse, HTTPFailure>) -> Void) {
        self.completion = completion
    }

    func transferDidReceiveHead(_ head: HTTPResponseHead) {}

    func transferDidReceiveBytes(_ bytes: UnsafeRawBufferPointer) {
        unsafe body.append(contentsOf: bytes)
    }

    func transferDidComplete(_ report: HTTPTransferReport) {
        guard report.failure == nil, let head = report.head else {
            return completion(.failure(report.failure ?? HTTPFailure(.internal, "no answer")))
        }
        completion(.success(HTTPResponse(head: head, body: body, report: report)))
    }
}
