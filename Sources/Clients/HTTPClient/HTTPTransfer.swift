// SPDX-License-Identifier: Apache-2.0

import CCurl
import EventLoop

/// A running transfer, for cancelling it. Used on the loop's thread.
package final class HTTPTransfer {
    private let exchange: HTTPExchange

    init(_ exchange: HTTPExchange) {
        self.exchange = exchange
    }

    /// Ends the transfer; its delegate hears `cancelled` unless it was over.
    package func cancel() {
        exchange.engine.cancel(exchange)
    }
}

/// One HTTP request and its answer.
final class HTTPExchange: CurlTransfer {
    private let request: HTTPRequest
    private let delegate: any HTTPTransferDelegate
    private var answer = HTTPAnswerReader()
    private var report = HTTPTransferReport()
    private var resolveTime = Duration.zero
    private var isHeadDelivered = false
    private var reception: BodyReception

    init(_ request: HTTPRequest, origin: HTTPOrigin, engine: CurlEngine, delegate: any HTTPTransferDelegate) {
        self.request = request
        self.delegate = delegate
        reception = BodyReception(limit: request.bodyLimit, failsWhenTooLarge: request.bodyOverflow == .fail)
        answer.byteLimit = request.headerLimit
        answer.lineLimit = request.headerCountLimit
        answer.collectsHeaders = request.collectsHeaders
        super.init(engine: engine, origin: origin)
    }

    override func configure(_ easy: CurlEasy, addresses: [ResolvedAddress], remaining: Duration) {
        resolveTime = MonotonicTime.now() - started
        easy.apply(request, origin: origin, addresses: addresses, elapsed: resolveTime, remaining: remaining)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        easy.note(unsafe ccurl_set_write(easy.handle, bodyArrived, context))
        easy.note(unsafe ccurl_set_header(easy.handle, headerArrived, context))
    }

    override func allows(address: String) -> Bool {
        request.allowsAddress?(address) ?? true
    }

    fileprivate func receiveHeader(_ line: [UInt8]) -> Bool {
        guard answer.receive(line) else {
            ownFailure = HTTPFailure(
                .headersTooLarge,
                "more than \(request.headerLimit) bytes or \(request.headerCountLimit) lines"
            )
            return false
        }
        return true
    }

    // MARK: The body

    /// What libcurl is to hear of a piece of the body.
    fileprivate func receiveBody(_ bytes: UnsafeRawBufferPointer) -> BodyReception.Answer {
        do throws(HTTPFailure) {
            let isFirst = !isHeadDelivered
            deliverHead()
            if isFirst, request.acceptsCompressed { try reception.begin(codings: answer.contentCodings) }
            guard ownFailure == nil else { return .enough }
            let answer = try unsafe reception.receive(bytes, turn: engine.turn) { part in
                unsafe delegate.transferDidReceiveBytes(part)
                return ownFailure == nil
            }
            if answer == .later { goOnLater() }
            return answer
        } catch {
            ownFailure = ownFailure ?? error
            return .enough
        }
    }

    /// Gives the others their turn before the rest of the body is read.
    private func goOnLater() {
        engine.loop.schedule(after: .zero) { [weak self] in
            guard let self, !isFinished else { return }
            engine.resume(self)
        }
    }

    private func deliverHead() {
        guard !isHeadDelivered, let head = answer.head else { return }
        isHeadDelivered = true
        answer.isBodyStarted = true
        delegate.transferDidReceiveHead(head)
    }

    override func finished(_ code: CURLcode, _ easy: CurlEasy?) {
        if let easy { read(easy) }
        report.bodyBytes = reception.delivered
        report.isBodyTruncated = reception.isTruncated
        if code == CURLE_OK, !reception.isTruncated {
            do throws(HTTPFailure) { try reception.finish() } catch { ownFailure = ownFailure ?? error }
        }
        let isWanted = code == CURLE_OK || (code == CURLE_WRITE_ERROR && report.isBodyTruncated)
        if let ownFailure {
            report.failure = ownFailure
        } else if !isWanted {
            report.failure = HTTPFailure(code, easy, resolve: resolveTime, reachedPeer: reachedPeer)
        } else {
            deliverHead()
        }
        report.head = answer.head
        report.trailers = answer.trailers
        report.announcedLength = answer.contentLength
        delegate.transferDidComplete(report)
    }

    private func read(_ easy: CurlEasy) {
        report.phases = HTTPPhases(easy, resolve: resolveTime, total: MonotonicTime.now() - started)
        report.wireBytes = Int(clamping: easy.large(CURLINFO_SIZE_DOWNLOAD_T))
        report.usedKeptConnection = easy.long(CURLINFO_NUM_CONNECTS) == 0
        report.redirects = easy.long(CURLINFO_REDIRECT_COUNT)
        report.remoteAddress = easy.text(CURLINFO_PRIMARY_IP).flatMap { $0.isEmpty ? nil : $0 }
        let retryAfter = easy.large(CURLINFO_RETRY_AFTER)
        report.retryAfter = retryAfter > 0 ? Int(clamping: retryAfter) : nil
        switch easy.long(CURLINFO_HTTP_VERSION) {
        case CURL_HTTP_VERSION_1_0: report.httpVersion = 1.0
        case CURL_HTTP_VERSION_1_1: report.httpVersion = 1.1
        case CURL_HTTP_VERSION_2_0: report.httpVersion = 2
        case CURL_HTTP_VERSION_3: report.httpVersion = 3
        default: report.httpVersion = 0
        }
        guard request.collectsCertificates else { return }
        report.certificates = easy.certificates()
        report.tlsVersion = easy.tlsVersion
    }
}

extension HTTPPhases {
    /// libcurl's times run from the start of its own work; names were resolved before.
    init(_ easy: CurlEasy, resolve: Duration, total: Duration) {
        self.init()
        let lookedUp = easy.microseconds(CURLINFO_NAMELOOKUP_TIME_T)
        let connected = easy.microseconds(CURLINFO_CONNECT_TIME_T)
        let secured = easy.microseconds(CURLINFO_APPCONNECT_TIME_T)
        let sent = easy.microseconds(CURLINFO_PRETRANSFER_TIME_T)
        let firstByte = easy.microseconds(CURLINFO_STARTTRANSFER_TIME_T)
        let whole = easy.microseconds(CURLINFO_TOTAL_TIME_T)
        self.resolve = resolve + lookedUp
        connect = max(.zero, connected - lookedUp)
        tls = max(.zero, secured - connected)
        processing = firstByte > .zero ? max(.zero, firstByte - sent) : .zero
        transfer = firstByte > .zero ? max(.zero, whole - firstByte) : .zero
        self.total = total
    }
}

private func exchange(_ context: UnsafeMutableRawPointer?) -> HTTPExchange? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<HTTPExchange>.fromOpaque(context).takeUnretainedValue()
}

/// A length other than the piece's tells libcurl to stop.
private func bodyArrived(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let bytes = unsafe bytes, let exchange = unsafe exchange(context) else { return 0 }
    let length = size * count
    switch unsafe exchange.receiveBody(UnsafeRawBufferPointer(start: bytes, count: length)) {
    case .taken: return length
    case .later: return ccurl_write_pause
    case .enough: return 0
    }
}

private func headerArrived(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let bytes = unsafe bytes, let exchange = unsafe exchange(context) else { return 0 }
    let length = size * count
    return exchange.receiveHeader(unsafe Array(UnsafeRawBufferPointer(start: bytes, count: length))) ? length : 0
}
