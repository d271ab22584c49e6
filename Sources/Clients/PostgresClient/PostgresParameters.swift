// SPDX-License-Identifier: Apache-2.0

import CPostgres
import EventLoop

/// Where and as whom to log in. Holds the password; the description does not show it.
package struct PostgresParameters: Sendable, CustomStringConvertible {
    /// By libpq's keywords.
    private(set) var values: [String: String]

    /// Reads a `postgresql://` URL or a keyword/value string.
    package init(dsn: String) throws(PostgresFailure) {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(dsn, &message) else {
            // libpq's message quotes the string, password and all.
            if let message = unsafe message { unsafe PQfreemem(message) }
            throw PostgresFailure(.invalidConfiguration, "the connection string cannot be read")
        }
        defer { unsafe PQconninfoFree(options) }
        var values: [String: String] = [:]
        var next = unsafe options
        while let keyword = unsafe next.pointee.keyword {
            if let value = unsafe next.pointee.val {
                values[unsafe String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe next += 1
        }
        self.values = values
    }

    package subscript(keyword: String) -> String? {
        get { values[keyword] }
        set { values[keyword] = newValue }
    }

    /// Hosts in the order they are tried; a path means a Unix socket. Empty where libpq's default counts.
    package var hosts: [String] { list("host") }

    package var ports: [String] { list("port") }

    /// `host:port` of the first host, or the socket's directory and port.
    package var instance: String {
        let host = hosts.first ?? list("hostaddr").first ?? "localhost"
        let port = ports.first ?? "5432"
        if host.utf8.first == UInt8(ascii: "/") { return "\(host)/.s.PGSQL.\(port)" }
        return host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    package var description: String { instance }

    /// Hosts that have to be looked up, by position.
    var unresolved: [(index: Int, host: String)] {
        guard values["hostaddr"] == nil else { return [] }
        return hosts.enumerated().compactMap { index, host in
            host.utf8.first == UInt8(ascii: "/") || host.utf8.first == UInt8(ascii: "@") ? nil : (index, host)
        }
    }

    /// With an address for each host that has one, and what this client wants of libpq.
    func completed(addresses: [Int: String]) -> [String: String] {
        var complete = values
        if !addresses.isEmpty {
            complete["hostaddr"] = hosts.indices.map { addresses[$0] ?? "" }.joined(separator: ",")
        }
        complete["application_name"] = values["application_name"] ?? "sidecar"
        complete["client_encoding"] = "UTF8"
        // Kerberos would look for a ticket cache and block.
        complete["gssencmode"] = values["gssencmode"] ?? "disable"
        return complete
    }

    private func list(_ keyword: String) -> [String] {
        guard let text = values[keyword], !text.isEmpty else { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
}
