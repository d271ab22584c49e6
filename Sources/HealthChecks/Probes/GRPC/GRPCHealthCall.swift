// SPDX-License-Identifier: Apache-2.0

/// One call of gRPC's health service, from its head to its message: what to answer, without any I/O.
struct GRPCHealthCall: Sendable {
    /// The methods of `grpc.health.v1.Health`.
    enum Method: String, Sendable, CaseIterable {
        case check = "Check"
        case watch = "Watch"
        case list = "List"

        init?(path: String) {
            let prefix = "/grpc.health.v1.Health/"
            guard path.hasPrefix(prefix) else { return nil }
            self.init(rawValue: String(path.dropFirst(prefix.count)))
        }
    }

    /// Status codes of gRPC as far as they occur here.
    enum Code: Int, Sendable {
        case ok = 0
        case invalidArgument = 3
        case notFound = 5
        case resourceExhausted = 8
        case unimplemented = 12
        case unavailable = 14
    }

    /// What to do.
    enum Action: Sendable, Equatable {
        /// More has to come.
        case wait
        /// One message, then the end.
        case answer([UInt8])
        /// No message.
        case fail(Code, String)
        /// Messages whenever the status of the service changes.
        case watch(String)
    }

    /// A name longer than this is nobody's.
    private static let longestMessage = 4_096
    /// As the protocol's description suggests.
    private static let longestList = 100

    private let method: Method
    private let statuses: ServingStatuses
    private var received: [UInt8] = []

    init(method: Method, statuses: ServingStatuses) {
        self.method = method
        self.statuses = statuses
    }

    /// Takes in a piece of the request's body.
    ///
    /// - Parameter isLast: whether the client has said that nothing follows.
    mutating func receive(_ bytes: some Collection<UInt8>, isLast: Bool) -> Action {
        guard received.count + bytes.count <= Self.longestMessage + 5 else {
            return .fail(.resourceExhausted, "message too large")
        }
        received += bytes
        guard received.count >= 5 else { return isLast ? .fail(.invalidArgument, "no message") : .wait }
        guard received[0] == 0 else { return .fail(.unimplemented, "compression is not supported") }
        let length = received[1...4].reduce(0) { $0 << 8 | Int($1) }
        guard length <= Self.longestMessage else { return .fail(.resourceExhausted, "message too large") }
        guard received.count >= 5 + length else {
            return isLast ? .fail(.invalidArgument, "half a message") : .wait
        }
        guard let service = HealthMessages.service(inRequest: received[5..<(5 + length)]) else {
            return .fail(.invalidArgument, "not a health check request")
        }
        return answer(service)
    }

    /// A message with its prefix: not compressed, and its length.
    static func frame(_ message: [UInt8]) -> [UInt8] {
        let length = UInt32(clamping: message.count)
        let prefix = (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32($0))) }
        return [0] + prefix + message
    }

    private func answer(_ service: String) -> Action {
        switch method {
        case .check:
            guard let status = statuses.status(of: service) else { return .fail(.notFound, "unknown service") }
            return .answer(HealthMessages.response(status))
        case .list:
            let all = statuses.all
            guard all.count <= Self.longestList else {
                return .fail(.resourceExhausted, "more services than a list may hold")
            }
            return .answer(HealthMessages.list(all))
        case .watch:
            return .watch(service)
        }
    }
}
