// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import JSONDocument
import TimeSeries

/// `/api/v1/series`, `labels`, `label/<name>/values`: what there is to be queried.
struct SeriesRoutes: Sendable {
    let store: TimeSeriesStore
    let pool: QueryPool

    func register(on router: some RouterMethods<BasicRequestContext>) {
        for method in [HTTPRequest.Method.get, .post] {
            router.on("/api/v1/series", method: method) { request, _ in try await series(request) }
            router.on("/api/v1/labels", method: method) { request, _ in try await names(request) }
        }
        router.get("/api/v1/label/:name/values") { request, context in
            try await values(request, name: context.parameters.get("name") ?? "")
        }
    }

    private func series(_ request: Request) async throws -> Response {
        let question = try await Question(request)
        guard !question.matchers.isEmpty else { throw APIError.badData("no match[] parameter provided") }
        let found = try await run { reader in
            var labels: Set<Labels> = []
            for matchers in question.matchers {
                for handle in reader.select(matchers, from: question.start, through: question.end) {
                    labels.insert(handle.labels)
                }
            }
            return labels.sorted()
        }
        return question.answer(found) { ResultJSON.labels($1, to: &$0) }
    }

    private func names(_ request: Request) async throws -> Response {
        let question = try await Question(request)
        let names = try await run { reader in
            question.union(reader) { reader.labelNames(matching: $0, from: $1, through: $2) }
        }
        return question.answer(names) { $0.string($1) }
    }

    private func values(_ request: Request, name: String) async throws -> Response {
        guard let decoded = Parameters.decodePathComponent(name), let label = LabelNames.unescaped(decoded),
            !label.isEmpty
        else { throw APIError.badData("invalid label name: \"\(name)\"") }
        let question = try await Question(request)
        let values = try await run { reader in
            question.union(reader) { reader.labelValues(label, matching: $0, from: $1, through: $2) }
        }
        return question.answer(values) { $0.string($1) }
    }

    private func run<Found: Sendable>(_ body: @escaping @Sendable (StoreReader) -> Found) async throws -> Found {
        try await pool.answer { [store] in body(store.reader()) }
    }

    /// The parameters that these endpoints share.
    private struct Question: Sendable {
        let matchers: [[LabelMatcher]]
        let start: Timestamp
        let end: Timestamp
        let limit: Int

        init(_ request: Request) async throws {
            var request = request
            let parameters = try await request.parameters()
            start = try RequestTimes.time(parameters, "start") ?? .distantPast
            end = try RequestTimes.time(parameters, "end") ?? .distantFuture
            limit = try RequestTimes.limit(parameters)
            matchers = try parameters.selectors()
        }

        /// What all selectors find. Without one, and over a time for which there are samples, everything counts, as it
        /// does in Prometheus.
        func union(
            _ reader: StoreReader,
            _ find: ([LabelMatcher], _ start: Timestamp, _ end: Timestamp) -> [String]
        ) -> [String] {
            guard !matchers.isEmpty else {
                return reader.mayHaveSamples(from: start, through: end) ? find([], .distantPast, .distantFuture) : []
            }
            guard matchers.count > 1 else { return find(matchers[0], start, end) }
            var all: Set<String> = []
            for matchers in matchers { all.formUnion(find(matchers, start, end)) }
            return all.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }

        func answer<Element>(_ elements: [Element], _ write: (inout JSONWriter, Element) -> Void) -> Response {
            let shown = limit > 0 ? elements.prefix(limit) : elements[...]
            let warnings = shown.count < elements.count ? ["results truncated due to limit"] : []
            return .success(warnings: warnings) { $0.array(shown, write) }
        }
    }
}

/// The `U__` form in which UTF-8 label names travel in paths.
enum LabelNames {
    /// The name itself when it is not in that form; nil when the form is broken.
    static func unescaped(_ name: String) -> String? {
        guard name.hasPrefix("U__") else { return name }
        var result = ""
        var rest = name.dropFirst(3)
        while let character = rest.first {
            rest = rest.dropFirst()
            guard character == "_" else {
                result.append(character)
                continue
            }
            if rest.first == "_" {
                result.append("_")
                rest = rest.dropFirst()
                continue
            }
            guard let end = rest.firstIndex(of: "_"), let code = UInt32(rest[..<end], radix: 16),
                let scalar = Unicode.Scalar(code)
            else { return nil }
            result.unicodeScalars.append(scalar)
            rest = rest[rest.index(after: end)...]
        }
        return result
    }
}
