// SPDX-License-Identifier: Apache-2.0

import CCurl
import EventLoop
import Glibc

/// libcurl's multi handle on the event loop. Everything here happens on the loop's thread.
@safe final class CurlEngine {
    let loop: EventLoop
    let resolver: NameResolver
    let connections: ConnectionWatcher
    /// Counts libcurl's turns on the loop; in each a transfer may do a slice of work.
    private(set) var turn: UInt64 = 0
    private let multi: UnsafeMutableRawPointer
    private var timer: LoopTimer?
    /// By the address of their easy handles.
    private var transfers: [UInt: CurlTransfer] = [:]
    private var idleHandles: [CurlEasy] = []
    private var waiting: [() -> Void] = []
    private var isInsideCurl = false
    private var isClosed = false

    init(loop: EventLoop, maximumConnections: Int) throws(HTTPFailure) {
        guard curlIsInitialised, let multi = unsafe curl_multi_init() else {
            throw HTTPFailure(.internal, "libcurl does not initialise")
        }
        self.loop = loop
        unsafe self.multi = multi
        resolver = NameResolver(loop: loop)
        connections = ConnectionWatcher(loop: loop)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe ccurl_multi_set_socket(multi, curlSocketChanged, context)
        unsafe ccurl_multi_set_timer(multi, curlTimerChanged, context)
        // Without it libcurl keeps four connections for each running transfer and closes the others.
        unsafe ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, maximumConnections)
    }

    // MARK: Transfers

    /// Resolves the host, where libcurl would block or start a thread without bound, then lets libcurl connect.
    func start(_ transfer: CurlTransfer, host: String?, connectTimeout: Duration, deadline: Duration) {
        guard !isClosed else { return settle(transfer, CURLE_ABORTED_BY_CALLBACK) }
        guard let host else { return add(transfer, addresses: [], deadline: deadline) }
        var timeout: LoopTimer?
        var isOver = false
        resolver.resolve(host) { [self] resolution in
            guard !isOver else { return }
            isOver = true
            if let timeout { loop.cancel(timeout) }
            switch resolution.addresses {
            case .success(let addresses): add(transfer, addresses: addresses, deadline: deadline)
            case .failure(let error):
                transfer.ownFailure = transfer.ownFailure ?? HTTPFailure(.dns, error.rawValue)
                settle(transfer, CURLE_COULDNT_RESOLVE_HOST)
            }
        }
        guard !isOver else { return }
        timeout = loop.schedule(after: min(connectTimeout, deadline)) { [self] in
            guard !isOver else { return }
            isOver = true
            transfer.ownFailure = transfer.ownFailure ?? HTTPFailure(.dns, "name server did not answer in time")
            settle(transfer, CURLE_COULDNT_RESOLVE_HOST)
        }
    }

    /// Ends a transfer with `cancelled`, or with the failure it has already.
    func cancel(_ transfer: CurlTransfer) {
        guard !transfer.isFinished else { return }
        transfer.ownFailure = transfer.ownFailure ?? HTTPFailure(.cancelled, "")
        afterCurl { [self] in
            guard !transfer.isFinished else { return }
            detach(transfer)
            settle(transfer, CURLE_ABORTED_BY_CALLBACK)
        }
    }

    /// Lets a transfer go on that has paused itself to give the others a turn.
    func resume(_ transfer: CurlTransfer) {
        guard !isClosed, let easy = transfer.easy, transfers[easy.address] === transfer else { return }
        turn &+= 1
        var code = CURLE_OK
        insideCurl { code = unsafe ccurl_resume(easy.handle) }
        // What goes wrong in here libcurl tells nobody else.
        if code != CURLE_OK, !transfer.isFinished {
            detach(transfer)
            settle(transfer, code)
        }
        collect()
    }

    /// Runs work that libcurl does not allow inside its callbacks.
    func afterCurl(_ work: @escaping () -> Void) {
        if isInsideCurl { waiting.append(work) } else { work() }
    }

    private func add(_ transfer: CurlTransfer, addresses: [ResolvedAddress], deadline: Duration) {
        guard !transfer.isFinished else { return }
        afterCurl { [self] in
            guard !transfer.isFinished else { return }
            if isClosed { return settle(transfer, CURLE_ABORTED_BY_CALLBACK) }
            let remaining = deadline - (MonotonicTime.now() - transfer.started)
            guard remaining > .zero else { return settle(transfer, CURLE_OPERATION_TIMEDOUT) }
            guard let easy = idleHandles.popLast() ?? CurlEasy() else { return settle(transfer, CURLE_OUT_OF_MEMORY) }
            easy.reset()
            transfer.configure(easy, addresses: addresses, remaining: remaining)
            let engine = unsafe Unmanaged.passUnretained(self).toOpaque()
            let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
            easy.note(unsafe ccurl_set_open_socket(easy.handle, socketWanted, context))
            easy.note(unsafe ccurl_set_close_socket(easy.handle, socketClosing, engine))
            transfer.easy = easy
            guard easy.refused == CURLE_OK else { return settle(transfer, easy.refused) }
            transfers[easy.address] = transfer
            insideCurl {
                if unsafe curl_multi_add_handle(multi, easy.handle) != CURLM_OK { easy.note(CURLE_FAILED_INIT) }
            }
            if easy.refused != CURLE_OK {
                transfers[easy.address] = nil
                settle(transfer, easy.refused)
            }
        }
    }

    private func detach(_ transfer: CurlTransfer) {
        guard let easy = transfer.easy, transfers.removeValue(forKey: easy.address) != nil else { return }
        insideCurl { unsafe curl_multi_remove_handle(multi, easy.handle) }
    }

    private func settle(_ transfer: CurlTransfer, _ code: CURLcode) {
        let easy = transfer.easy
        guard let report = transfer.finish(code) else { return }
        report()
        guard let easy, idleHandles.count < 16, !isClosed, !transfer.staysAttached else { return }
        easy.reset()
        idleHandles.append(easy)
    }

    // MARK: libcurl's wishes

    fileprivate func drive(_ socket: curl_socket_t, _ readiness: Int32) {
        guard !isClosed else { return }
        turn &+= 1
        var running: Int32 = 0
        insideCurl { unsafe curl_multi_socket_action(multi, socket, readiness, &running) }
        collect()
    }

    private func insideCurl(_ body: () -> Void) {
        let wasInside = isInsideCurl
        isInsideCurl = true
        body()
        isInsideCurl = wasInside
    }

    private func collect() {
        var remaining: Int32 = 0
        while !isClosed, let message = unsafe curl_multi_info_read(multi, &remaining) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let handle = unsafe message.pointee.easy_handle else {
                continue
            }
            let code = unsafe ccurl_message_result(message)
            guard let transfer = transfers[UInt(bitPattern: handle)] else { continue }
            if transfer.staysAttached, code == CURLE_OK, transfer.ownFailure == nil {
                transfer.attached()
                continue
            }
            if let socket = transfer.easy?.activeSocket { connections.served(socket) }
            detach(transfer)
            settle(transfer, code)
        }
        connections.watchIdle()
        while !waiting.isEmpty, !isInsideCurl {
            let work = waiting
            waiting = []
            for item in work { item() }
        }
    }

    fileprivate func timerChanged(milliseconds: Int) {
        if let timer { loop.cancel(timer) }
        timer = nil
        guard milliseconds >= 0 else { return }
        timer = loop.schedule(after: .milliseconds(milliseconds)) { [weak self] in
            self?.timer = nil
            self?.drive(ccurl_socket_timeout, 0)
        }
    }

    fileprivate func socketChanged(_ socket: curl_socket_t, _ wish: Int32) {
        if wish == CURL_POLL_REMOVE {
            loop.unwatch(socket)
            connections.released(socket)
            return
        }
        var interest: Readiness = []
        if wish & CURL_POLL_IN != 0 { interest.insert(.readable) }
        if wish & CURL_POLL_OUT != 0 { interest.insert(.writable) }
        connections.taken(socket)
        do throws(EventLoopError) {
            try loop.watch(socket, for: interest) { [weak self] readiness in
                var flags: Int32 = 0
                if readiness.contains(.readable) { flags |= ccurl_select_in }
                if readiness.contains(.writable) { flags |= ccurl_select_out }
                if !readiness.isDisjoint(with: [.error, .hangup]) { flags |= ccurl_select_error }
                self?.drive(socket, flags)
            }
        } catch {
            // Unwatched, the transfer ends at its deadline.
            connections.unwatchable += 1
        }
    }

    /// Ends all transfers and closes all connections; nothing starts afterwards.
    func close() {
        guard !isClosed else { return }
        for transfer in Array(transfers.values) { cancel(transfer) }
        isClosed = true
        if let timer { loop.cancel(timer) }
        timer = nil
        idleHandles = []
        insideCurl { unsafe curl_multi_cleanup(multi) }
    }
}

/// `curl_global_init` once for the process.
private let curlIsInitialised = ccurl_global_init() == CURLE_OK

private func engine(_ context: UnsafeMutableRawPointer?) -> CurlEngine? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<CurlEngine>.fromOpaque(context).takeUnretainedValue()
}

private func curlSocketChanged(
    easy: UnsafeMutableRawPointer?,
    socket: curl_socket_t,
    wish: Int32,
    context: UnsafeMutableRawPointer?,
    socketContext: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe engine(context)?.socketChanged(socket, wish)
    return 0
}

private func curlTimerChanged(multi: UnsafeMutableRawPointer?, milliseconds: Int, context: UnsafeMutableRawPointer?)
    -> Int32
{
    unsafe engine(context)?.timerChanged(milliseconds: milliseconds)
    return 0
}

/// libcurl wants a descriptor: ours, so that we may watch it when libcurl does not.
private func socketWanted(
    context: UnsafeMutableRawPointer?,
    purpose: curlsocktype,
    address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let context = unsafe context, let address = unsafe address else { return ccurl_bad_socket }
    let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
    if let descriptor = transfer.takeConnectedSocket() {
        transfer.engine.connections.opened(descriptor, for: transfer)
        return descriptor
    }
    let family = unsafe address.pointee.family
    if family != AF_UNIX {
        let numeric = unsafe withUnsafePointer(to: &address.pointee.addr) {
            unsafe numericAddress($0, address.pointee.addrlen)
        }
        guard transfer.allows(address: numeric) else {
            transfer.ownFailure = HTTPFailure(.addressForbidden, "\(numeric) is not allowed")
            return ccurl_bad_socket
        }
    }
    let type = unsafe address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = unsafe socket(family, type, address.pointee.protocol)
    guard descriptor >= 0 else { return ccurl_bad_socket }
    transfer.engine.connections.opened(descriptor, for: transfer)
    return descriptor
}

private func socketClosing(context: UnsafeMutableRawPointer?, descriptor: curl_socket_t) -> Int32 {
    if let engine = unsafe engine(context) {
        engine.loop.unwatch(descriptor)
        engine.connections.closed(descriptor)
    }
    return close(descriptor)
}

private func numericAddress(_ address: UnsafePointer<sockaddr>, _ length: UInt32) -> String {
    var name = [CChar](repeating: 0, count: 64)
    guard unsafe getnameinfo(address, socklen_t(length), &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
    else {
        return ""
    }
    let end = name.firstIndex(of: 0) ?? name.endIndex
    return String(decoding: name[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self)
}
