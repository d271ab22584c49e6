// SPDX-License-Identifier: Apache-2.0

import ContentEncoding
import Exposition
import HTTPTypes
import Hummingbird
import NIOCore
import TimeSeries

/// `/metrics`: the sidecar's own series and the results of its checks, in the format that the reader asks for; with
/// `?scope=all` also the last good scrape of every target. `/federate` gives chosen series of the store.
struct MetricsRoutes: Sendable {
    let own: OwnMetrics
    let store: TimeSeriesStore
    /// Bytes that are sent in one packet anyway: to compress them gains nothing.
    private static let onePacket = 512

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/metrics") { request, _ in metrics(request) }
    }

    private func metrics(_ request: Request) -> Response {
        let format = ExpositionFormat.negotiate(accept: request.headers[.accept])
        let filter = MetricNameFilter(query: request.uri.query)
        var writer = ExpositionWriter(format: format)
        for family in own.families() where filter.allows(name: family.name, kind: family.kind) { writer.write(family) }
        writer.finish()
        var bytes = writer.bytes
        var headers = HTTPFields()
        headers[.contentType] = format.contentType
        headers[.vary] = ExpositionFormat.vary
        headers[.cacheControl] = "no-store"
        if bytes.count > Self.onePacket {
            headers[.contentEncoding] = ContentCoding.encode(&bytes, for: request.headers[.acceptEncoding])
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
