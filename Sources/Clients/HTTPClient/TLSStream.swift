// SPDX-License-Identifier: Apache-2.0

import CCurl
package import EventLoop

/// An encrypted stream: libcurl connects, or goes on with a plain stream's connection, shakes hands, and then only
/// carries bytes.
package final class TLSStream: ByteStream {
    private let client: HTTPClient
    private let host: String
    private let port: UInt16
    private let tls: TLSOptions
    private var handedOver: SocketStream.Connection?
    private var transfer: StreamTransfer?
    private var pending: [UInt8] = []
    private var sent = 0
    package var onBytes: (([UInt8]) -> Void)?
    package var onEnd: ((StreamFailure) -> Void)?
    package private(set) var phases = StreamPhases()
    /// The chain that the peer showed, once open.
    package private(set) var certificates: [HTTPCertificate] = []
    /// `TLS 1.3`, once open.
    package private(set) var tlsVersion: String?

    package init(client: HTTPClient, host: String, port: UInt16, tls: TLSOptions) {
        self.client = client
        self.host = host
        self.port = port
        self.tls = tls
    }

    /// Goes on with the connection of a plain stream whose peer has agreed to speak TLS from here on.
    package init(client: HTTPClient, host: String, port: UInt16, tls: TLSOptions, over plain: SocketStream.Connection) {
        self.client = client
        self.host = host
        self.port = port
        self.tls = tls
        handedOver = plain
    }

    package func open(deadline: Duration, completion: @escaping (StreamFailure?) -> Void) {
        let plain = handedOver
        handedOver = nil
        let transfer = StreamTransfer(engine: client.curl, host: host, port: port, tls: tls, over: plain)
        self.transfer = transfer
        transfer.onAttached = { [weak self, weak transfer] easy in
            guard let transfer else { return }
            guard let self else { return transfer.engine.cancel(transfer) }
            phases.resolve = transfer.resolveTime
            if let plain { phases = plain.phases }
            if plain == nil {
                phases.connect =
                    easy.microseconds(CURLINFO_CONNECT_TIME_T) - easy.microseconds(CURLINFO_NAMELOOKUP_TIME_T)
            }
            phases.tls = easy.microseconds(CURLINFO_APPCONNECT_TIME_T) - easy.microseconds(CURLINFO_CONNECT_TIME_T)
            phases.address = phases.address ?? easy.text(CURLINFO_PRIMARY_IP)
            certificates = easy.certificates()
            tlsVersion = easy.tlsVersion
            watch(for: [.readable, .peerClosed])
            completion(nil)
        }
        transfer.onFailed = { [weak self] failure in
            self?.transfer = nil
            completion(failure)
        }
        let lookedUp = plain == nil ? host : plain?.phases.address
        client.curl.start(transfer, host: lookedUp, connectTimeout: deadline, deadline: deadline)
    }

    package func send(_ bytes: [UInt8]) {
        pending.append(contentsOf: bytes)
        flush()
    }

    package func close() {
        guard let transfer else { return }
        self.transfer = nil
        transfer.onFailed = nil
        transfer.onAttached = nil
        if let socket = transfer.easy?.activeSocket { client.loop.unwatch(socket) }
        client.curl.cancel(transfer)
    }

    private func flush() {
        guard let easy = transfer?.easy else { return }
        while sent < pending.count {
            var count = 0
            let code = unsafe pending[sent...].withUnsafeBytes {
                unsafe curl_easy_send(easy.handle, $0.baseAddress, $0.count, &count)
            }
            sent += count
            if code == CURLE_AGAIN { return watch(for: [.readable, .writable, .peerClosed]) }
            guard code == CURLE_OK else { return end(StreamFailure(.reset)) }
        }
        pending.removeAll(keepingCapacity: true)
        sent = 0
        watch(for: [.readable, .peerClosed])
    }

    private func changed(_ readiness: Readiness) {
        if readiness.contains(.writable) { flush() }
        // What OpenSSL holds decrypted makes no descriptor readable: read until there is nothing more.
        while let easy = transfer?.easy {
            var count = 0
            var code = CURLE_OK
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 32 << 10) { buffer, initialized in
                code = unsafe curl_easy_recv(easy.handle, buffer.baseAddress, buffer.count, &count)
                initialized = count
            }
            if count > 0 { onBytes?(bytes) }
            if code == CURLE_AGAIN { return }
            guard code == CURLE_OK else { return end(StreamFailure(.reset)) }
            if count == 0 { return end(StreamFailure(.closed)) }
        }
    }

    private func watch(for interest: Readiness) {
        guard let socket = transfer?.easy?.activeSocket else { return end(StreamFailure(.closed)) }
        do throws(EventLoopError) {
            try client.loop.watch(socket, for: interest) { [weak self] in self?.changed($0) }
        } catch {
            end(StreamFailure(.internal, error.description))
        }
    }

    private func end(_ failure: StreamFailure) {
        guard transfer != nil else { return }
        close()
        onEnd?(failure)
    }
}

/// The part of a stream that libcurl knows.
final class StreamTransfer: CurlTransfer {
    private let tls: TLSOptions
    private let plain: SocketStream.Connection?
    private(set) var resolveTime = Duration.zero
    var onAttached: ((CurlEasy) -> Void)?
    var onFailed: ((StreamFailure) -> Void)?

    init(engine: CurlEngine, host: String, port: UInt16, tls: TLSOptions, over plain: SocketStream.Connection?) {
        self.tls = tls
        self.plain = plain
        super.init(engine: engine, origin: HTTPOrigin(scheme: "https", host: host, port: port))
    }

    override var staysAttached: Bool { true }

    override func takeConnectedSocket() -> Int32? { plain?.take() }

    override func configure(_ easy: CurlEasy, addresses: [ResolvedAddress], remaining: Duration) {
        resolveTime = MonotonicTime.now() - started
        easy.applyCommon(protocols: "https", connect: remaining, remaining: remaining)
        easy.set(CURLOPT_URL, origin.description)
        if ResolvedAddress(numeric: origin.host) == nil { easy.apply(addresses, host: origin.host, port: origin.port) }
        easy.apply(tls)
        easy.set(CURLOPT_CONNECT_ONLY, true)
        easy.set(CURLOPT_SSL_ENABLE_ALPN, false)
        easy.collectCertificates()
        if plain != nil {
            easy.note(unsafe ccurl_set_socket_options(easy.handle) { _, _, _ in ccurl_already_connected })
            easy.set(CURLOPT_FRESH_CONNECT, true)
        }
    }

    override func attached() {
        if let easy { onAttached?(easy) }
    }

    override func finished(_ code: CURLcode, _ easy: CurlEasy?) {
        let failure = ownFailure ?? HTTPFailure(code, easy)
        onFailed?(StreamFailure(failure))
        onFailed = nil
        onAttached = nil
    }
}

extension StreamFailure {
    package init(_ failure: HTTPFailure) {
        let reason: Reason =
            switch failure.reason {
            case .dns: .dns
            case .connectRefused: .refused
            case .connectUnreachable, .addressForbidden: .unreachable
            case .connectTimeout: .connectTimeout
            case .connectReset: .reset
            case .connectionClosed: .closed
            case .tlsHandshake, .protocolViolation: .tlsHandshake
            case .tlsTimeout, .timeoutFirstByte: .tlsTimeout
            case .tlsExpired: .tlsExpired
            case .tlsUntrusted: .tlsUntrusted
            case .tlsHostname: .tlsHostname
            case .tlsConfiguration: .tlsConfiguration
            case .cancelled: .cancelled
            default: .internal
            }
        self.init(reason, failure.text)
    }
}
