// SPDX-License-Identifier: Apache-2.0

import Exposition
import Foundation
import Instrumentation
import ServiceContextModule
import SidecarMetrics
import Testing
import Tracing

@Suite struct TraceExemplarTests {
    private static let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    private static let exemplar = ##"# {span_id="00f067aa0ba902b7",trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} "##

    @Test func `a histogram takes its exemplars from the task's trace`() {
        let test = TestRegistry()
        let histogram = test.registry.histogram("wait_seconds", help: "W.", .buckets([1, 2]).withTraceExemplars())
        histogram.observe(0.5)
        var context = ServiceContext.topLevel
        context.traceParent = TraceParent(Self.header)
        ServiceContext.withValue(context) { histogram.observe(1.5) }
        let lines = test.text(.openMetrics).split(separator: "\n")
        #expect(lines.filter { $0.contains(Self.exemplar) }.count == 1)
        #expect(lines.contains { $0.hasPrefix(##"wait_seconds_bucket{le="2.0"} 2 "## + Self.exemplar + "1.5 ") })
        // Only OpenMetrics and protobuf have exemplars.
        #expect(!test.text(.text).contains("trace_id"))
    }

    /// What a tracer keeps of its span in the context, in its own form.
    private enum TracerKey: ServiceContextKey {
        typealias Value = String
    }

    private struct Tracer: Instrumentation::Instrument {
        func extract<Carrier, Extract>(_ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract)
        where Extract: Extractor, Extract.Carrier == Carrier {}

        func inject<Carrier, Inject>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
        where Inject: Injector, Inject.Carrier == Carrier {
            guard let span = context[TracerKey.self] else { return }
            injector.inject(span, forKey: "traceparent", into: &carrier)
        }
    }

    @Test func `a bootstrapped tracer is asked for its trace`() async {
        // Once in a process, so in one of its own.
        await #expect(processExitsWith: .success) {
            InstrumentationSystem.bootstrap(Tracer())
            let registry = MetricsRegistry()
            let histogram = registry.histogram("wait_seconds", help: "Waiting.", .latency.withTraceExemplars())
            var context = ServiceContext.topLevel
            context[TracerKey.self] = Self.header
            ServiceContext.withValue(context) { histogram.observe(0.5) }
            exit(String(decoding: registry.render(.openMetrics), as: UTF8.self).contains(Self.exemplar) ? 0 : 1)
        }
    }

    @Test(arguments: [
        "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", Self.header.uppercased(),
        "ff" + Self.header.dropFirst(2), "00-" + String(repeating: "0", count: 32) + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + String(repeating: "0", count: 16) + "-01", Self.header + "-more",
        Self.header.replacing("a", with: "\""),
    ]) func `what is no traceparent is refused`(header: String) {
        #expect(TraceParent(header) == nil)
    }
}
