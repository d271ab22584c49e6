// SPDX-License-Identifier: Apache-2.0

import CCurl
import EventLoop

/// One use of an easy handle under the multi handle. Subclasses set the options and read the outcome.
class CurlTransfer {
    let engine: CurlEngine
    let origin: HTTPOrigin
    let started = MonotonicTime.now()
    var easy: CurlEasy?
    /// Set by whoever decides the outcome before libcurl does.
    var ownFailure: HTTPFailure?
    /// Whether a peer has accepted a connection that was opened for this transfer.
    var reachedPeer = false
    private(set) var isFinished = false

    init(engine: CurlEngine, origin: HTTPOrigin) {
        self.engine = engine
        self.origin = origin
    }

    /// Sets the options. Called again never.
    func configure(_ easy: CurlEasy, addresses: [ResolvedAddress], remaining: Duration) {}

    /// Whether libcurl may connect there.
    func allows(address: String) -> Bool { true }

    /// A connected socket for libcurl to go on with, instead of one that it connects. Whoever asks has to close it.
    func takeConnectedSocket() -> Int32? { nil }

    /// Whether the easy handle stays with the multi handle after success: a stream lives as long as both.
    var staysAttached: Bool { false }

    /// The transfer is over. `easy` still answers `getinfo`; nil when libcurl never saw the transfer.
    func finished(_ code: CURLcode, _ easy: CurlEasy?) {}

    /// The connection stands; only where `staysAttached`.
    func attached() {}

    /// Called once by the engine.
    final func finish(_ code: CURLcode) -> (() -> Void)? {
        guard !isFinished else { return nil }
        isFinished = true
        let easy = self.easy
        self.easy = nil
        return { self.finished(code, easy) }
    }
}
