// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import YAMLDocument

/// Checks that look at what is queued, and at what is stored.
extension CheckConfigurationReader {
    func expression(_ reader: YAMLMappingReader) -> ExpressionCheckConfiguration? {
        guard let expression = reader.requiredString("expr") else { return nil }
        var configuration = ExpressionCheckConfiguration(expression: expression)
        configuration.failsWhen = reader.choice("fails_when") ?? configuration.failsWhen
        configuration.warning = reader.string("warning_expr")
        return configuration
    }

    func queue(_ reader: YAMLMappingReader, name: String?) -> QueueCheckConfiguration? {
        let queue = reader.string("queue") ?? name ?? ""
        guard let source = queueSource(reader) else { return nil }
        var configuration = QueueCheckConfiguration(queue: queue, source: source)
        let counts = 0.0...1e15
        configuration.warningWaiting = reader.number("warning_waiting", in: counts)
        configuration.maximumWaiting = reader.number("max_waiting", in: counts)
        configuration.warningAge = reader.duration("warning_age")
        configuration.maximumAge = reader.duration("max_age")
        configuration.maximumFailed = reader.number("max_failed", in: counts)
        configuration.minimumWorkers = reader.number("min_workers", in: counts)
        return configuration
    }

    private func queueSource(_ reader: YAMLMappingReader) -> QueueCheckConfiguration.Source? {
        var sources: [QueueCheckConfiguration.Source] = []
        let names = ["redis", "postgres", "expressions"].filter { reader.contains($0) }
        if let section = reader.mapping("redis") {
            if let source = redisQueue(section) { sources.append(.redis(source)) }
            section.finish()
        }
        if let section = reader.mapping("postgres") {
            let dsn = secret(section, "dsn", isRequired: true)
            if let query = section.requiredString("query"), let dsn {
                sources.append(.postgres(QueueCheckConfiguration.PostgresQueue(dsn: dsn, query: query)))
            }
            section.finish()
        }
        if let section = reader.mapping("expressions") {
            var source = QueueCheckConfiguration.ExpressionQueue()
            source.waiting = section.string("waiting")
            source.active = section.string("active")
            source.delayed = section.string("delayed")
            source.failed = section.string("failed")
            source.oldestSeconds = section.string("oldest_seconds")
            source.workers = section.string("workers")
            section.finish()
            sources.append(.expressions(source))
        }
        if names.count != 1 {
            reader.problem(names.last, "a queue needs one of the keys redis, postgres, expressions")
        }
        return sources.first
    }

    private func redisQueue(_ reader: YAMLMappingReader) -> QueueCheckConfiguration.RedisQueue? {
        let url = secret(reader, "url", isRequired: true)
        guard let waiting = reader.requiredString("waiting"), let url else { return nil }
        var source = QueueCheckConfiguration.RedisQueue(url: url, waiting: waiting)
        source.username = reader.string("username")
        source.password = secret(reader, "password")
        if let section = reader.mapping("tls_config") { source.tls = TLSOptionsReader.read(section) }
        source.active = reader.string("active")
        source.delayed = reader.string("delayed")
        source.failed = reader.string("failed")
        source.workers = reader.string("workers")
        source.group = reader.string("group")
        source.time = reader.string("time")
        return source
    }
}
