// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOPosix
import Synchronization

/// Says who may come in by user and password.
///
/// Hashing is slow by design, so it runs on a thread of its own, one at a time, and what was right once is remembered as
/// a digest. Too many askers at once are turned away rather than queued. Safe to use from any thread.
final class Gatekeeper: Sendable {
    enum Verdict: Sendable {
        case welcome
        case unknown
        /// Too many are being looked at already.
        case busy
    }

    private struct State {
        var users: [String: PasswordHash]
        /// Digests of pairs of user and password that were right.
        var remembered: Set<[UInt8]> = []
        var waiting = 0
        var refused: UInt64 = 0
    }

    private static let rememberedAtMost = 256
    private static let waitingAtMost = 32

    private let state: Mutex<State>
    private let thread = NIOThreadPool(numberOfThreads: 1)
    /// Makes the digests worthless outside this process.
    private let key = SymmetricKey(size: .bits256)

    init(users: [String: PasswordHash]) {
        state = Mutex(State(users: users))
        thread.start()
    }

    /// Whether anybody has to say who they are.
    var isOpen: Bool { state.withLock { $0.users.isEmpty } }

    /// How many were not let in.
    var refused: UInt64 { state.withLock { $0.refused } }

    /// Other users from now on.
    func replace(users: [String: PasswordHash]) {
        state.withLock {
            guard $0.users != users else { return }
            $0.users = users
            $0.remembered = []
        }
    }

    func verdict(_ credentials: BasicCredentials?) async -> Verdict {
        guard let credentials else { return refuse(.unknown) }
        let hash = state.withLock { $0.users[credentials.user] }
        let digest = digest(of: credentials)
        if state.withLock({ $0.remembered.contains(digest) }) { return .welcome }
        let mayWait = state.withLock { state in
            guard state.waiting < Self.waitingAtMost else { return false }
            state.waiting += 1
            return true
        }
        guard mayWait else { return refuse(.busy) }
        // A name that nobody has takes as long as one that somebody has.
        let isRight = try? await thread.runIfActive { (hash ?? .impossible).matches(credentials.password) }
        state.withLock { $0.waiting -= 1 }
        guard isRight == true, hash != nil else { return refuse(.unknown) }
        state.withLock { state in
            guard state.users[credentials.user] == hash else { return }
            if state.remembered.count >= Self.rememberedAtMost { state.remembered = [] }
            state.remembered.insert(digest)
        }
        return .welcome
    }

    func stop() { thread.shutdownGracefully { _ in } }

    private func refuse(_ verdict: Verdict) -> Verdict {
        state.withLock { $0.refused &+= 1 }
        return verdict
    }

    private func digest(of credentials: BasicCredentials) -> [UInt8] {
        var code = HMAC<SHA256>(key: key)
        for text in [credentials.user, credentials.password] {
            code.update(data: Array("\(text.utf8.count):".utf8))
            code.update(data: Array(text.utf8))
        }
        return Array(code.finalize())
    }
}
