// SPDX-License-Identifier: Apache-2.0

/// Why a login or a statement failed: a closed reason, the SQLSTATE where the server gave one, and a text without
/// credentials.
package struct PostgresFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        case dns
        case refused
        case unreachable
        case connectTimeout = "connect_timeout"
        /// Connected, and no answer within the deadline.
        case timeout
        case closed
        case tls
        case authentication
        case permission
        case missingDatabase = "missing_database"
        case tooManyConnections = "too_many_connections"
        case startingUp = "starting_up"
        case shuttingDown = "shutting_down"
        case readOnly = "read_only"
        case diskFull = "disk_full"
        case outOfMemory = "out_of_memory"
        case lockTimeout = "lock_timeout"
        case statementTimeout = "statement_timeout"
        case corrupt
        case protocolViolation = "protocol"
        case statement
        case invalidConfiguration = "invalid_configuration"
        case `internal`
    }

    package var reason: Reason
    package var sqlState: String?
    /// At most 300 bytes of one line.
    package var text: String

    package init(_ reason: Reason, _ text: String = "", sqlState: String? = nil) {
        self.reason = reason
        self.text = text
        self.sqlState = sqlState
    }

    /// What a SQLSTATE means for somebody who asks "is it well?".
    package init(sqlState: String, text: String) {
        let reason = sqlState == "08P01" ? Self.reason(ofPooler: text) : Self.reason(of: sqlState)
        self.init(reason, text, sqlState: sqlState)
    }

    package var description: String {
        let state = sqlState.map { " (\($0))" } ?? ""
        return text.isEmpty ? reason.rawValue + state : "\(reason.rawValue)\(state): \(text)"
    }

    /// PgBouncer has one SQLSTATE for everything that it says itself.
    private static func reason(ofPooler text: String) -> Reason {
        func says(_ words: String) -> Bool { text.contains(words) }
        if says("no more connections allowed") { return .tooManyConnections }
        if says("query_wait_timeout") || says("query_timeout") || says("client_idle_timeout") { return .timeout }
        if says("no such database") { return .missingDatabase }
        if says("no such user") || says("authentication failed") { return .authentication }
        if says("connect failed") || says("server login") || says("server conn crashed") { return .refused }
        if says("bouncer config error") { return .invalidConfiguration }
        if says("shut down") || says("shutting down") || says("is paused") { return .shuttingDown }
        return .protocolViolation
    }

    private static func reason(of state: String) -> Reason {
        switch state {
        case "28P01", "28000": return .authentication
        case "3D000": return .missingDatabase
        case "53300": return .tooManyConnections
        case "57P03": return .startingUp
        case "57P01", "57P02", "57P05": return .shuttingDown
        case "25006": return .readOnly
        case "53100": return .diskFull
        case "53200": return .outOfMemory
        case "55P03": return .lockTimeout
        case "57014": return .statementTimeout
        case "42501": return .permission
        default: break
        }
        switch state.prefix(2) {
        case "28": return .authentication
        case "08": return .protocolViolation
        case "XX": return .corrupt
        case "58": return .diskFull
        default: return .statement
        }
    }
}

/// What libpq says about a failed login, in English because nobody has set a locale, and with the SQLSTATE because the
/// verbosity asks for it: `FATAL:  53300: sorry, too many clients already`.
func loginFailure(_ message: String, wasConnected: Bool) -> PostgresFailure {
    // With several hosts or attempts there are several lines; the last one with a state decides.
    let lines = message.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
    for line in lines.reversed() {
        guard let state = sqlState(in: line) else { continue }
        var failure = PostgresFailure(sqlState: state.code, text: shortened(state.rest))
        // 55000 in a login: the database does not accept connections, as one that is being dropped or a standby without
        // hot_standby.
        if state.code == "55000" { failure.reason = .startingUp }
        return failure
    }
    let text = shortened(lines.last.map(String.init) ?? "")
    let whole = message.lowercased()
    func says(_ words: String) -> Bool { whole.contains(words) }
    if says("connection refused") || says("no such file or directory") { return PostgresFailure(.refused, text) }
    if says("no route to host") || says("network is unreachable") { return PostgresFailure(.unreachable, text) }
    if says("connection timed out") { return PostgresFailure(.connectTimeout, text) }
    if says("no password supplied") || says("authentication") { return PostgresFailure(.authentication, text) }
    if says("ssl") || says("certificate") || says("tls") { return PostgresFailure(.tls, text) }
    if says("closed the connection") || says("connection reset") { return PostgresFailure(.closed, text) }
    if says("expected authentication request") || says("received invalid") {
        return PostgresFailure(.protocolViolation, text)
    }
    if says("invalid") && !wasConnected { return PostgresFailure(.invalidConfiguration, text) }
    return PostgresFailure(.internal, text)
}

/// The five characters after the severity of a verbose message.
private func sqlState(in line: Substring) -> (code: String, rest: String)? {
    for severity in ["FATAL:  ", "ERROR:  ", "PANIC:  "] {
        guard let range = firstRange(of: severity, in: line) else { continue }
        let rest = line[range.upperBound...]
        let code = rest.prefix(5)
        guard code.utf8.count == 5, code.utf8.allSatisfy(isStateByte), rest.dropFirst(5).hasPrefix(": ") else {
            continue
        }
        return (String(code), String(rest.dropFirst(7)))
    }
    return nil
}

private func isStateByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
}

private func firstRange(of needle: String, in text: Substring) -> Range<Substring.Index>? {
    var start = text.startIndex
    while start != text.endIndex {
        if text[start...].hasPrefix(needle) { return start..<text.index(start, offsetBy: needle.count) }
        start = text.index(after: start)
    }
    return nil
}

func shortened(_ text: String) -> String {
    let line = text.prefix { !$0.isNewline }
    return String(decoding: line.utf8.prefix(300), as: UTF8.self)
}
