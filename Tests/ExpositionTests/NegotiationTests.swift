// SPDX-License-Identifier: Apache-2.0

import Exposition
import Testing

@Suite
struct NegotiationTests {
    private static let text = "text/plain; version=0.0.4; charset=utf-8"
    private static let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    private static let protobuf =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

    @Test(
        arguments: [
            (nil, text), ("", text), ("*/*", text), ("text/html", text), ("text/*;q=0.5", text),
            ("application/json, */*;q=0.1", text), ("text/plain", text),
            ("text/plain;version=0.0.4", text), ("text/plain;version=9", text),
            ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
            (
                "text/plain;version=1.0.0;escaping=allow-utf-8",
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            ),
            ("text/plain;version=0.0.4;escaping=allow-utf-8", text + "; escaping=underscores"),
            ("text/plain;version=0.0.4;escaping=dots", text + "; escaping=dots"),
            ("application/openmetrics-text", openMetrics), ("application/openmetrics-text; version=1.0.0", openMetrics),
            ("application/openmetrics-text;version=2.0.0", text),
            (
                "application/openmetrics-text;version=0.0.1",
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            ),
            ("application/openmetrics-text;version=1.0.0;escaping=values", openMetrics + "; escaping=values"),
            ("application/openmetrics-text;escaping=nonsense", openMetrics),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                openMetrics
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                openMetrics + "; escaping=allow-utf-8"
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8",
                protobuf
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8",
                protobuf + "; escaping=allow-utf-8"
            ),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", text),
            ("application/vnd.google.protobuf", text),
            ("application/openmetrics-text;q=0, text/plain;q=0.1", text),
            ("application/openmetrics-text;q=0.5,text/plain;q=0.9", text), ("application/openmetrics-text;q=x", text),
            ("application/openmetrics-text;q=2", text),
            ("APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\"", openMetrics),
            (",,;;=, application/openmetrics-text", openMetrics),
            ("text/plain;q=0.5,application/openmetrics-text;q=0.5", text),
        ] as [(String?, String)]
    )
    func choosesTheFormat(accept: String?, contentType: String) {
        #expect(ExpositionFormat.negotiate(accept: accept).contentType == contentType)
    }

    @Test func offersOnlyWhatItMay() {
        let accept =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;q=0.8,*/*;q=0.1"
        #expect(ExpositionFormat.negotiate(accept: accept, offering: [.openMetrics]).encoding == .openMetrics)
        #expect(ExpositionFormat.negotiate(accept: accept, offering: []) == .text)
        let long = String(repeating: "a/b,", count: 100_000) + "application/openmetrics-text"
        #expect(ExpositionFormat.negotiate(accept: long) == .text)
    }

    @Test(
        arguments: [
            ("text/plain; version=0.0.4; charset=utf-8", ExpositionFormat.Encoding.text), ("text/plain", .text),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
            ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", .protobuf),
            ("text/html", nil), ("application/json", nil), ("", nil),
            ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text", nil),
        ] as [(String, ExpositionFormat.Encoding?)]
    )
    func responsesAreRecognised(contentType: String, encoding: ExpositionFormat.Encoding?) {
        #expect(ExpositionFormat(contentType: contentType)?.encoding == encoding)
    }

    @Test func aFilterKnowsFamiliesAndTheirSamples() {
        let filter = MetricNameFilter(
            query: "x=1&name[]=up&name%5B%5D=http_requests_total&name[]=latency_seconds_bucket&name[]=a+b%20c%&name[]"
        )
        #expect(filter.allows(name: "up", kind: .gauge))
        #expect(filter.allows(FamilyHeader(name: "http_requests_total", kind: .counter)))
        #expect(filter.allows(name: "latency_seconds", kind: .histogram))
        #expect(!filter.allows(name: "latency_seconds", kind: .gauge))
        #expect(!filter.allows(name: "down", kind: .gauge))
        #expect(MetricNameFilter(query: "name[]=http_requests").allows(name: "http_requests_total", kind: .counter))
        #expect(MetricNameFilter(query: nil).allows(name: "anything", kind: .unknown))
        #expect(MetricNameFilter(query: "name=x").isEmpty)
    }

    @Test func scrapesAreLimited() {
        var limiter = ScrapeLimiter(limit: 2)
        let answers = [limiter.enter(), limiter.enter(), limiter.enter()]
        #expect(answers == [true, true, false])
        limiter.leave()
        let again = limiter.enter()
        #expect(again)
        for _ in 0..<5 { limiter.leave() }
        #expect(limiter.inFlight == 0 && limiter.rejected == 1)
    }
}
