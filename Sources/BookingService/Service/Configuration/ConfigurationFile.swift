// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresClient
import Yams

/// Reads `booking.yml`: every key is known, every problem is reported at once and with its place.
package struct ConfigurationFile {
    private let name: String
    private let environment: [String: String]
    private var problems: [ConfigurationProblem] = []

    private init(name: String, environment: [String: String]) {
        self.name = name
        self.environment = environment
    }

    /// Reads a file over the defaults.
    package static func read(
        path: String,
        over defaults: BookingConfiguration = BookingConfiguration(),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> BookingConfiguration {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationProblems(problems: [ConfigurationProblem("\(path): cannot be read")])
        }
        return try parse(String(decoding: data, as: UTF8.self), name: path, over: defaults, environment: environment)
    }

    /// Reads the text of a file over the defaults.
    package static func parse(
        _ text: String,
        name: String,
        over defaults: BookingConfiguration = BookingConfiguration(),
        environment: [String: String] = [:]
    ) throws -> BookingConfiguration {
        var file = ConfigurationFile(name: name, environment: environment)
        var configuration = defaults
        do {
            if let root = try Yams.compose(yaml: text) { file.root(root, &configuration) }
        } catch let error as YamlError {
            file.problems.append(file.problem(error))
        }
        guard file.problems.isEmpty else { throw ConfigurationProblems(problems: file.problems) }
        return configuration
    }

    private mutating func root(_ node: Node, _ configuration: inout BookingConfiguration) {
        section(node) { file, key, node in
            switch key {
            case "listen": file.listen(node, &configuration)
            case "data_dir": file.text(node).map { configuration.dataDirectory = $0 }
            case "drain_delay": file.duration(node).map { configuration.drainDelay = $0 }
            case "health": file.health(node, &configuration)
            case "auth": file.authentication(node, &configuration.authentication)
            case "storage": file.storage(node, &configuration.storage)
            case "cache": file.cache(node, &configuration.cache)
            case "mail": file.mail(node, &configuration.mail)
            case "limits": file.limits(node, &configuration.limits)
            default: return false
            }
            return true
        }
    }

    private mutating func listen(_ node: Node, _ configuration: inout BookingConfiguration) {
        guard let address = text(node) else { return }
        do {
            try configuration.listen(on: address)
        } catch {
            report(node, error.description)
        }
    }

    private mutating func health(_ node: Node, _ configuration: inout BookingConfiguration) {
        section(node, "details") { file, _, node in
            file.boolean(node).map { configuration.showsHealthDetails = $0 }
        }
    }

    private mutating func authentication(_ node: Node, _ settings: inout BookingConfiguration.Authentication) {
        section(node) { file, key, node in
            switch key {
            case "open": file.boolean(node).map { settings.isOpen = $0 }
            case "secret": file.text(node).map { settings.secret = $0 }
            case "token_lifetime": file.duration(node).map { settings.tokenLifetime = $0 }
            default: return false
            }
            return true
        }
    }

    private mutating func storage(_ node: Node, _ settings: inout BookingConfiguration.Storage) {
        section(node) { file, key, node in
            switch key {
            case "readers": file.integer(node, 1...64).map { settings.readers = $0 }
            case "postgres": file.postgres(node).map { settings.postgres = $0 }
            case "connections": file.integer(node, 1...100).map { settings.connections = $0 }
            default: return false
            }
            return true
        }
    }

    private mutating func cache(_ node: Node, _ settings: inout BookingConfiguration.CacheSettings) {
        section(node) { file, key, node in
            switch key {
            case "capacity": file.integer(node, 0...10_000_000).map { settings.capacity = $0 }
            case "lifetime": file.duration(node).map { settings.lifetime = $0 }
            default: return false
            }
            return true
        }
    }

    private mutating func mail(_ node: Node, _ settings: inout BookingConfiguration.MailSettings) {
        section(node) { file, key, node in
            switch key {
            case "sink": file.sink(node).map { settings.sink = $0 }
            case "from": file.text(node).map { settings.from = $0 }
            case "workers": file.integer(node, 1...100).map { settings.workers = $0 }
            default: return false
            }
            return true
        }
    }

    private mutating func limits(_ node: Node, _ settings: inout BookingConfiguration.Limits) {
        section(node) { file, key, node in
            switch key {
            case "bookings_per_hour": file.integer(node, 0...1_000_000_000).map { settings.bookingsPerHour = $0 }
            case "streams": file.integer(node, 0...100_000).map { settings.streams = $0 }
            default: return false
            }
            return true
        }
    }
}

// MARK: Values

extension ConfigurationFile {
    /// Walks over a mapping; `read` returns false for a key that it does not know.
    private mutating func section(_ node: Node, _ read: (inout Self, String, Node) -> Bool) {
        guard let mapping = node.mapping else {
            if node.null == nil { report(node, "expected keys and values") }
            return
        }
        var seen: Set<String> = []
        for (key, value) in mapping {
            guard let name = key.string else {
                report(key, "expected a name")
                continue
            }
            if !seen.insert(name).inserted {
                report(key, "\(name) stands here twice")
            } else if !read(&self, name, value) {
                report(key, "unknown key \(name)")
            }
        }
    }

    private mutating func section(_ node: Node, _ only: String, _ read: (inout Self, String, Node) -> Void) {
        section(node) { file, key, value in
            guard key == only else { return false }
            read(&file, key, value)
            return true
        }
    }

    private mutating func text(_ node: Node) -> String? {
        guard let text = node.scalar?.string, !text.isEmpty else {
            report(node, "expected a text")
            return nil
        }
        guard text.hasPrefix("${env:"), text.hasSuffix("}") else { return text }
        let variable = String(text.dropFirst(6).dropLast())
        guard let value = environment[variable], !value.isEmpty else {
            report(node, "the environment variable \(variable) is not set")
            return nil
        }
        return value
    }

    private mutating func boolean(_ node: Node) -> Bool? {
        if node.bool == nil { report(node, "expected true or false") }
        return node.bool
    }

    private mutating func integer(_ node: Node, _ range: ClosedRange<Int>) -> Int? {
        guard let number = node.int, range.contains(number) else {
            report(node, "expected a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// `500ms`, `5s`, `10m`, `12h`, `1d`.
    private mutating func duration(_ node: Node) -> Duration? {
        let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        let text = node.scalar?.string ?? ""
        for (unit, milliseconds) in units where text.hasSuffix(unit) {
            guard let number = Int(text.dropLast(unit.count)), (0...1_000_000).contains(number) else { continue }
            return .milliseconds(number * milliseconds)
        }
        report(node, "expected a duration like 5s or 30m")
        return nil
    }

    /// What is wrong is said without the text: it may hold a password.
    private mutating func postgres(_ node: Node) -> PostgresParameters? {
        guard let text = text(node) else { return nil }
        do {
            return try PostgresParameters(dsn: text)
        } catch {
            report(node, "expected a connection string like postgresql://user@host/database")
            return nil
        }
    }

    private mutating func sink(_ node: Node) -> BookingConfiguration.MailSettings.Sink? {
        guard let text = text(node) else { return nil }
        if text == "log" { return .log }
        if text.hasPrefix("smtp://"), let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port)
        {
            let host = String(text[..<colon].dropFirst("smtp://".count))
            if !host.isEmpty { return .smtp(host: host, port: port) }
        }
        report(node, "expected log or smtp://host:port")
        return nil
    }

    private mutating func report(_ node: Node, _ message: String) {
        let place = node.mark.map { "\(name):\($0.line):\($0.column): " } ?? "\(name): "
        problems.append(ConfigurationProblem(place + message))
    }

    private func problem(_ error: YamlError) -> ConfigurationProblem {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ConfigurationProblem("\(name):\(mark.line):\(mark.column): \(problem)")
        default:
            ConfigurationProblem("\(name): \(error)")
        }
    }
}
