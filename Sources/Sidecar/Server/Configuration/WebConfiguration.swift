// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// `web:` — where the sidecar listens and how it leaves.
package struct WebConfiguration: Sendable, Equatable {
    package var listen = ListenAddress.tcp(host: "127.0.0.1", port: 9_464)
    /// A second listener for calls that change something, which `listen` then refuses; nil: they are taken on `listen`.
    package var adminListen: ListenAddress?
    /// The TCP port for HAProxy's agent-check; nil: none.
    package var haproxyAgentListen: ListenAddress?
    /// Where gRPC's health service listens; nil: nowhere.
    package var grpcListen: ListenAddress?
    /// How the outside reaches this sidecar, for links in notifications; nil: `http://` and the listen address.
    package var externalURL: String?
    /// How long to go on serving after readiness has failed; nil: 5 s, or none when nobody probed in the last minute.
    package var drainDelay: Duration?
    package var maximumConnections = 16_000
    package var queryTimeout = Duration.seconds(120)
    package var queryConcurrency = 2
    /// Prometheus's file for TLS and users, as an absolute path; nil: neither.
    package var accessFile: String?
    /// What that file said.
    package var access = WebAccessConfiguration()

    package init() {}

    /// `files` counts relative paths from the configuration's directory.
    package init(_ reader: YAMLMappingReader, files: FileAccess) {
        listen = Self.address(reader, "listen") ?? listen
        adminListen = Self.address(reader, "admin_listen")
        if adminListen == listen {
            reader.problem("admin_listen", "web.admin_listen: expected an address other than web.listen")
        }
        haproxyAgentListen = Self.address(reader, "haproxy_agent_listen")
        grpcListen = Self.address(reader, "grpc_listen")
        externalURL = reader.string("external_url")
        drainDelay = reader.duration("drain_delay")
        maximumConnections = reader.integer("max_connections", in: 8...1_000_000) ?? maximumConnections
        queryTimeout = reader.duration("query_timeout", atLeast: .milliseconds(1)) ?? queryTimeout
        queryConcurrency = reader.integer("query_concurrency", in: 1...64) ?? queryConcurrency
        if let path = reader.string("config_file") {
            accessFile = files.absolute(path)
            if let read = WebAccessConfiguration.read(
                file: files.absolute(path),
                files: files,
                problems: reader.problems
            ) {
                access = read
                if !reader.problems.hasErrors, let problem = WebAccess.problem(of: read) {
                    reader.problem("config_file", "\(reader.name("config_file")): \(problem)")
                }
            } else {
                reader.problem("config_file", "\(reader.name("config_file")): the file cannot be read")
            }
        }
        reader.finish()
    }

    private static func address(_ reader: YAMLMappingReader, _ key: String) -> ListenAddress? {
        guard let text = reader.string(key) else { return nil }
        guard let address = ListenAddress(text) else {
            reader.problem(key, "\(reader.name(key)): expected HOST:PORT, :PORT or unix:PATH, got \"\(text)\"")
            return nil
        }
        return address
    }
}

/// `HOST:PORT`, `[IPV6]:PORT`, `:PORT` (all addresses) or `unix:PATH`.
package enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case unix(path: String)

    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard !path.isEmpty, path.utf8.count < 108 else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        self = .tcp(host: host.isEmpty ? "0.0.0.0" : host, port: Int(port))
    }

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
