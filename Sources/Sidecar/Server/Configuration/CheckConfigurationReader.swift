// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HTTPClient
import HealthChecks
import YAMLDocument

/// Reads entries of `health_checks`: a name, when it runs and how it counts, and one key that says what is checked.
struct CheckConfigurationReader {
    let secrets: SecretResolver
    /// Stands for the address where it comes later: in a module of `/probe`.
    var address: String?

    func read(_ reader: YAMLMappingReader) -> CheckDefinition? {
        defer { reader.finish() }
        let name = reader.requiredString("name")
        let settings = settings(reader)
        let kinds = CheckDefinition.Kind.names.filter { reader.contains($0) }
        guard kinds.count == 1, let word = kinds.first else {
            let known = CheckDefinition.Kind.names.joined(separator: ", ")
            if kinds.isEmpty, reader.keys.allSatisfy(Self.commonKeys.contains) {
                reader.problem(nil, "a check needs one of the keys \(known)")
            } else if kinds.count > 1 {
                reader.problem(kinds[1], "a check has one kind; this has \(kinds.joined(separator: " and "))")
            }
            return nil
        }
        let section = reader.mapping(word) ?? emptySection(reader, word)
        guard let section else { return nil }
        let kind = kind(word, section, name: name)
        section.finish()
        guard let name, let kind else { return nil }
        return CheckDefinition(
            name: name,
            settings: settings,
            kind: kind,
            fingerprint: ConfigurationFingerprint(secrets: secrets).text(section.node)
        )
    }

    /// A module of `/probe`: `http` or `tcp` without an address.
    func module(_ reader: YAMLMappingReader) -> CheckDefinition.Kind? {
        let kinds = ["http", "tcp"].filter { reader.contains($0) }
        guard kinds.count == 1, let word = kinds.first, let section = reader.mapping(word) else {
            reader.problem(nil, "a module needs one of the keys http, tcp, with a mapping such as {}")
            return nil
        }
        defer { section.finish() }
        return kind(word, section, name: nil)
    }

    private static let commonKeys: Set<String> = [
        "name", "interval", "timeout", "fall", "rise", "policy", "depends_on", "stale_after",
    ]

    /// `host:` without a value means all defaults.
    private func emptySection(_ reader: YAMLMappingReader, _ word: String) -> YAMLMappingReader? {
        guard reader.value(word) == nil else { return nil }
        reader.problem(word, "\(word): expected a mapping, such as {}")
        return nil
    }

    private func settings(_ reader: YAMLMappingReader) -> CheckSettings {
        let defaults = CheckSettings()
        let interval = reader.duration("interval", atLeast: .milliseconds(10)) ?? defaults.interval
        return CheckSettings(
            interval: interval,
            timeout: reader.duration("timeout", atLeast: .milliseconds(1)) ?? min(defaults.timeout, interval),
            fall: reader.integer("fall", in: 1...1_000) ?? defaults.fall,
            rise: reader.integer("rise", in: 1...1_000) ?? defaults.rise,
            policy: reader.choice("policy") ?? defaults.policy,
            dependsOn: reader.strings("depends_on", orSingle: true) ?? [],
            staleAfter: reader.duration("stale_after", atLeast: .milliseconds(1))
        )
    }

    private func kind(_ word: String, _ reader: YAMLMappingReader, name: String?) -> CheckDefinition.Kind? {
        switch word {
        case "postgres": postgres(reader).map { .postgres($0) }
        case "redis": redis(reader).map { .redis($0) }
        case "http": http(reader).map { .http($0) }
        case "tcp": tcp(reader).map { .tcp($0) }
        case "sqlite": sqlite(reader).map { .sqlite($0) }
        case "disk": disk(reader).map { .disk($0) }
        case "smtp": smtp(reader).map { .smtp($0) }
        case "dns": dns(reader).map { .dns($0) }
        case "memcached": memcached(reader).map { .memcached($0) }
        case "grpc": grpc(reader).map { .grpc($0) }
        case "exec": exec(reader).map { .exec($0) }
        case "file": file(reader).map { .file($0) }
        case "process": process(reader).map { .process($0) }
        case "systemd": systemd(reader).map { .systemd($0) }
        case "expression": expression(reader).map { .expression($0) }
        case "queue": queue(reader, name: name).map { .queue($0) }
        default: .host(host(reader))
        }
    }

    private func postgres(_ reader: YAMLMappingReader) -> PostgresCheckConfiguration? {
        guard let dsn = secret(reader, "dsn", isRequired: true) else { return nil }
        var configuration = PostgresCheckConfiguration(dsn: dsn)
        if let names = reader.strings("collectors") {
            configuration.collectors = Set(
                names.compactMap { name in
                    if let known = PostgresCollectorName(rawValue: name) { return known }
                    let all = PostgresCollectorName.allCases.map(\.rawValue).joined(separator: ", ")
                    reader.problem("collectors", "unknown collector \"\(name)\"; there are \(all)")
                    return nil
                }
            )
        }
        configuration.slowInterval = reader.duration("slow_interval") ?? configuration.slowInterval
        configuration.statementTimeout = reader.duration("statement_timeout") ?? configuration.statementTimeout
        configuration.lockTimeout = reader.duration("lock_timeout") ?? configuration.lockTimeout
        configuration.slowAfter = reader.duration("slow_after")
        configuration.requiresWritable = reader.boolean("writable") ?? configuration.requiresWritable
        configuration.maximumLag = reader.duration("max_lag") ?? configuration.maximumLag
        configuration.query = reader.string("query")
        return configuration
    }

    private func redis(_ reader: YAMLMappingReader) -> RedisCheckConfiguration? {
        guard let url = secret(reader, "url", isRequired: true) else { return nil }
        var configuration = RedisCheckConfiguration(url: url)
        configuration.username = reader.string("username")
        configuration.password = secret(reader, "password")
        if let section = reader.mapping("tls_config") { configuration.tls = TLSOptionsReader.read(section) }
        configuration.mode = reader.choice("mode") ?? configuration.mode
        configuration.slowAfter = reader.duration("slow_after")
        configuration.requiresWritable = reader.boolean("writable") ?? configuration.requiresWritable
        configuration.canaryKey = reader.string("canary_key")
        return configuration
    }

    private func http(_ reader: YAMLMappingReader) -> HTTPCheckConfiguration? {
        guard let url = address ?? secret(reader, "url", isRequired: true) else { return nil }
        var configuration = HTTPCheckConfiguration(url: url)
        configuration.method = reader.string("method") ?? configuration.method
        configuration.headers = (reader.stringPairs("headers") ?? []).compactMap { pair in
            do throws(SecretResolver.Failure) {
                return (pair.name, try secrets.resolve(pair.value))
            } catch {
                reader.problem("headers", error.description)
                return nil
            }
        }
        configuration.body = reader.string("body")
        configuration.authorization = HTTPAuthorizationReader(secrets: secrets, files: nil).read(reader)
        configuration.unixSocketPath = reader.string("unix_socket")
        configuration.proxy = secret(reader, "proxy_url")
        if let section = reader.mapping("tls_config") { configuration.tls = TLSOptionsReader.read(section) }
        configuration.followsRedirects = reader.boolean("follow_redirects") ?? configuration.followsRedirects
        for text in reader.strings("status", orSingle: true) ?? [] {
            guard let status = Int(text), (100...599).contains(status) else {
                reader.problem("status", "status: expected numbers from 100 to 599, got \"\(text)\"")
                continue
            }
            configuration.status.insert(status)
        }
        configuration.bodyMatches = reader.strings("body_matches", orSingle: true) ?? []
        configuration.bodyForbids = reader.strings("body_forbids", orSingle: true) ?? []
        for section in reader.mappings("json") ?? [] {
            if let path = section.requiredString("path") {
                configuration.jsonConditions.append(
                    HTTPCheckConfiguration.JSONCondition(path: path, equals: section.string("equals"))
                )
            }
            section.finish()
        }
        configuration.bodyLimit = reader.bytes("body_size_limit", in: 1...(64 << 20)) ?? configuration.bodyLimit
        configuration.requiresTLS = reader.boolean("fail_if_not_ssl") ?? configuration.requiresTLS
        configuration.forbidsTLS = reader.boolean("fail_if_ssl") ?? configuration.forbidsTLS
        configuration.certificateWarning = reader.duration("certificate_warning") ?? configuration.certificateWarning
        configuration.slowAfter = reader.duration("slow_after")
        return configuration
    }

    private func sqlite(_ reader: YAMLMappingReader) -> SQLiteCheckConfiguration? {
        guard let path = reader.requiredString("path") else { return nil }
        var configuration = SQLiteCheckConfiguration(path: path)
        configuration.busyTimeout = reader.duration("busy_timeout") ?? configuration.busyTimeout
        configuration.quickCheckInterval = reader.duration("quick_check_interval") ?? configuration.quickCheckInterval
        configuration.requiresWritable = reader.boolean("writable") ?? configuration.requiresWritable
        configuration.maximumWALBytes = reader.bytes("max_wal") ?? configuration.maximumWALBytes
        configuration.query = reader.string("query")
        return configuration
    }

    private func host(_ reader: YAMLMappingReader) -> HostCheckConfiguration {
        var configuration = HostCheckConfiguration()
        configuration.perCPU = reader.boolean("per_cpu") ?? configuration.perCPU
        configuration.excludedMounts = reader.strings("excluded_mounts") ?? configuration.excludedMounts
        configuration.diskWarning = reader.number("disk_warning", in: 0...1) ?? configuration.diskWarning
        configuration.diskCritical = reader.number("disk_critical", in: 0...1) ?? configuration.diskCritical
        configuration.memoryCritical = reader.number("memory_critical", in: 0...1) ?? configuration.memoryCritical
        return configuration
    }

    private func disk(_ reader: YAMLMappingReader) -> DiskCheckConfiguration? {
        guard let path = reader.requiredString("path") else { return nil }
        var configuration = DiskCheckConfiguration(path: path)
        configuration.warning = reader.number("warning", in: 0...1) ?? configuration.warning
        configuration.critical = reader.number("critical", in: 0...1) ?? configuration.critical
        configuration.writes = reader.boolean("writes") ?? configuration.writes
        return configuration
    }

    func secret(_ reader: YAMLMappingReader, _ key: String, isRequired: Bool = false) -> String? {
        let text = isRequired ? reader.requiredString(key) : reader.string(key)
        guard let text else { return nil }
        do throws(SecretResolver.Failure) {
            return try secrets.resolve(text)
        } catch {
            reader.problem(key, error.description)
            return nil
        }
    }
}
