// SPDX-License-Identifier: Apache-2.0

public import Exposition
public import ServiceContextModule
import Tracing

/// Where an exemplar's `trace_id` comes from.
public enum TraceExemplar {
    /// The labels of the trace that the current task belongs to, nil when there is none.
    ///
    /// Asks `ServiceContext.traceParent` first, then lets the bootstrapped tracer write its W3C `traceparent`.
    public static func current() -> SeriesLabels? {
        guard let context = ServiceContext.current else { return nil }
        return labels(of: context)
    }

    /// The current task's `trace_id`, for logs.
    public static var currentTraceID: String? { ServiceContext.current.flatMap(traceParent)?.traceID }

    /// The labels of a context's trace.
    /// - Parameter context: may carry a trace.
    /// - Returns: `trace_id` and `span_id`, or nil.
    public static func labels(of context: ServiceContext) -> SeriesLabels? {
        guard let parent = traceParent(of: context) else { return nil }
        return SeriesLabels([("trace_id", parent.traceID), ("span_id", parent.spanID)])
    }

    /// A context's trace.
    /// - Parameter context: may carry a trace.
    public static func traceParent(of context: ServiceContext) -> TraceParent? {
        if let parent = context.traceParent { return parent }
        var carrier = Carrier()
        InstrumentationSystem.instrument.inject(context, into: &carrier, using: CarrierInjector())
        return carrier.traceParent.flatMap(TraceParent.init)
    }

    private struct Carrier {
        var traceParent: String?
    }

    private struct CarrierInjector: Injector {
        func inject(_ value: String, forKey key: String, into carrier: inout Carrier) {
            if key.lowercased() == "traceparent" { carrier.traceParent = value }
        }
    }
}

/// A W3C trace context: which trace, which span, and whether it is recorded.
public struct TraceParent: Sendable, Hashable {
    /// 32 lower-case hexadecimal digits.
    public let traceID: String
    /// 16 lower-case hexadecimal digits.
    public let spanID: String
    /// Whether the caller records the trace.
    public let isSampled: Bool

    /// Reads a `traceparent` header.
    /// - Parameter header: `00-<trace>-<span>-<flags>`; anything else is refused.
    public init?(_ header: String) {
        let bytes = Array(header.utf8)
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash else { return nil }
        guard bytes.count == 55 || bytes[55] == dash && bytes[0..<2] != [0x30, 0x30] else { return nil }
        let fields = [bytes[0..<2], bytes[3..<35], bytes[36..<52], bytes[53..<55]]
        let isHex = fields.allSatisfy { $0.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) } }
        guard isHex, fields[0] != [0x66, 0x66] else { return nil }
        guard fields[1].contains(where: { $0 != 0x30 }), fields[2].contains(where: { $0 != 0x30 }) else { return nil }
        traceID = String(decoding: fields[1], as: UTF8.self)
        spanID = String(decoding: fields[2], as: UTF8.self)
        let flags = bytes[54]
        isSampled = flags & 1 == 1 && flags < 0x40 || flags >= 0x61 && flags & 1 == 0
    }
}

private enum TraceParentKey: ServiceContextKey {
    typealias Value = TraceParent
    static var nameOverride: String? { "sidecar-traceparent" }
}

extension ServiceContext {
    /// The trace of the request being served; set by the HTTP middleware from the `traceparent` header.
    public var traceParent: TraceParent? {
        get { self[TraceParentKey.self] }
        set { self[TraceParentKey.self] = newValue }
    }
}
