// SPDX-License-Identifier: Apache-2.0

import ContentEncoding
import Exposition
import HTTPTypes
public import Hummingbird
import NIOCore
public import SidecarMetrics
import Synchronization

/// Answers scrapes: negotiates the format, compresses, filters by `name[]`, and limits how many run at once.
///
/// Rendering runs on a thread of its own, so that a callback that hangs holds up neither requests nor event loops.
///
/// ```swift
/// MetricsEndpoint(registry: registry).addRoute(to: router)      // GET /metrics
/// ```
public final class MetricsEndpoint: Sendable {
    private let registry: MetricsRegistry
    private let limiter: Mutex<ScrapeLimiter>
    private let scrapes: Family<ScrapeStatus, Counter>
    private let duration: Histogram

    private enum ScrapeStatus: String, LabelEnum {
        static let labelName = "code"
        case ok = "200"
        case busy = "503"
    }

    /// Creates an endpoint and registers its own metrics.
    /// - Parameters:
    ///   - registry: what is scraped.
    ///   - concurrentScrapes: scrapes beyond this many at once get 503.
    public init(registry: MetricsRegistry, concurrentScrapes: Int = 4) {
        self.registry = registry
        self.limiter = Mutex(ScrapeLimiter(limit: concurrentScrapes))
        self.scrapes = registry.counter(
            "metrics_handler_requests_total",
            help: "Scrapes by status.",
            labels: ScrapeStatus.self
        )
        self.duration = registry.histogram(
            "metrics_render_duration_seconds",
            help: "Time to render and compress the metrics.",
            unit: .seconds,
            .fastLatency
        )
    }

    /// Adds `GET /metrics`.
    /// - Parameters:
    ///   - router: takes the route.
    ///   - path: where.
    public func addRoute<Context: RequestContext>(to router: some RouterMethods<Context>, path: String = "/metrics") {
        router.get(RouterPath(path)) { request, _ in await self.respond(to: request) }
    }

    /// Answers one scrape.
    /// - Parameter request: its headers and query decide about the format.
    public func respond(to request: Request) async -> Response {
        guard limiter.withLock({ $0.enter() }) else {
            scrapes.increment(.busy)
            return Response(status: .serviceUnavailable, headers: [.retryAfter: "1"])
        }
        defer { limiter.withLock { $0.leave() } }
        let format = ExpositionFormat.negotiate(accept: Self.joined(request.headers[values: .accept]))
        let acceptEncoding = Self.joined(request.headers[values: .acceptEncoding])
        let filter = MetricNameFilter(query: request.uri.query)
        let (body, encoding) = await OwnThread.run { self.body(format, filter, acceptEncoding) }
        scrapes.increment(.ok)
        var headers: HTTPFields = [.contentType: format.contentType, .vary: ExpositionFormat.vary]
        headers[.contentEncoding] = encoding
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    private func body(
        _ format: ExpositionFormat,
        _ filter: MetricNameFilter,
        _ acceptEncoding: String?
    ) -> (bytes: [UInt8], encoding: String?) {
        duration.time {
            var bytes = registry.render(format, filter: filter)
            let encoding = ContentCoding.encode(&bytes, for: acceptEncoding)
            return (bytes, encoding)
        }
    }

    private static func joined(_ values: [String]) -> String? {
        values.isEmpty ? nil : values.joined(separator: ", ")
    }
}
