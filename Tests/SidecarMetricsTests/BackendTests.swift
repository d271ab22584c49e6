// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Exposition
import Foundation
import SidecarMetrics
import Testing

@Suite struct BackendTests {
    @Test func `what other packages record shows up with sane names and buckets`() {
        let test = TestRegistry()
        let factory = SwiftMetricsFactory(registry: test.registry)
        let requests = factory.makeCounter(label: "hb.requests", dimensions: [("http.route", "/a"), ("b", "1")])
        requests.increment(by: 2)
        factory.makeCounter(label: "hb.requests", dimensions: [("b", "1"), ("http.route", "/a")]).increment(by: 1)
        factory.makeTimer(label: "http.server.request.duration", dimensions: []).recordNanoseconds(300_000_000)
        factory.makeMeter(label: "http.server.active_requests", dimensions: []).increment(by: 1)
        factory.makeRecorder(label: "body size", dimensions: [("le", "x")], aggregate: true).record(Int64(100))
        factory.makeRecorder(label: "last", dimensions: [], aggregate: false).record(7.5)
        factory.makeFloatingPointCounter(label: "joules", dimensions: []).increment(by: 0.5)
        #expect(test.line(#"hb_requests_total{b="1",http_route="/a"}"#) == "3")
        #expect(test.line(#"http_server_request_duration_seconds_bucket{le="0.5"}"#) == "1")
        #expect(test.line(#"http_server_request_duration_seconds_bucket{le="0.25"}"#) == "0")
        #expect(test.line("http_server_active_requests") == "1")
        #expect(test.line(#"body_size_bucket{le_="x",le="256"}"#) == "1")
        #expect(test.line("last") == "7.5")
        #expect(test.line("joules_total") == "0.5")
        factory.destroyCounter(requests)
        #expect(test.line(#"hb_requests_total{b="1",http_route="/a"}"#) == nil)
    }

    @Test func `a task's factory takes what is recorded in the task, and nothing else`() async {
        let test = TestRegistry()
        await withMetricsFactory(SwiftMetricsFactory(registry: test.registry)) {
            CoreMetrics.Counter(label: "inside").increment()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { CoreMetrics.Counter(label: "inside").increment(by: 2) } }
            }
            CoreMetrics.Timer(label: "work").recordMilliseconds(250)
        }
        CoreMetrics.Counter(label: "outside").increment()
        #expect(test.line("inside_total") == "9")
        #expect(test.line("work_seconds_sum") == "0.25")
        #expect(!test.text(.text).contains("outside"))
    }

    @Test func `the bootstrapped system records into the registry`() async {
        // Once in a process, so in one of its own.
        await #expect(processExitsWith: .success) {
            let registry = MetricsRegistry()
            MetricsSystem.bootstrap(SwiftMetricsFactory(registry: registry))
            CoreMetrics.Counter(label: "boxes.booked", dimensions: [("kind", "small")]).increment(by: 3)
            let page = String(decoding: registry.render(.text), as: UTF8.self)
            exit(page.contains("\nboxes_booked_total{kind=\"small\"} 3\n") ? 0 : 1)
        }
    }

    @Test func `contradicting uses of one name crash nothing`() {
        let test = TestRegistry()
        let factory = SwiftMetricsFactory(registry: test.registry)
        factory.makeCounter(label: "thing_total", dimensions: []).increment(by: 1)
        factory.makeCounter(label: "thing", dimensions: [("a", "b")]).increment(by: 1)
        factory.makeMeter(label: "thing_total", dimensions: []).set(Int64(1))
        factory.makeTimer(label: "", dimensions: [("", "")]).recordNanoseconds(-5)
        #expect(test.line("thing_total") == "1")
        #expect(test.line(#"thing_total{a="b"}"#) == "1")
        #expect(test.line(#"metrics_registration_conflicts_total{family="thing_total",reason="conflict"}"#) == "1")
    }

    @Test func `the process collector knows this process`() throws {
        let test = TestRegistry()
        test.registry.registerProcessMetrics()
        func value(_ name: String) throws -> Double {
            try #require(test.line("process_" + name).flatMap { $0 == "+Inf" ? .infinity : Double($0) }, "\(name)")
        }
        #expect(try value("cpu_seconds_total") > 0)
        #expect(try value("resident_memory_bytes") > 1_000_000)
        #expect(try value("virtual_memory_bytes") > value("resident_memory_bytes"))
        #expect(try value("open_fds") >= 3)
        #expect(try value("max_fds") >= value("open_fds"))
        #expect(try value("threads") >= 1)
        let age = Date().timeIntervalSince1970 - (try value("start_time_seconds"))
        #expect(age > -2 && age < 3_600)
        #expect(try value("virtual_memory_max_bytes") > 0)
    }

    @Test func `build and target are infos`() {
        let test = TestRegistry()
        test.registry.registerBuildInfo(version: "1.2.3", revision: "abc")
        test.registry.registerTargetInfo(serviceName: "booking", attributes: [("host.name", "x")])
        #expect(test.lines.contains { $0.hasPrefix(#"build_info{revision="abc",swiftversion=""#) })
        #expect(test.lines.contains(#"target_info{host_name="x",service_name="booking"} 1"#))
    }

    @Test func `a callback that hangs is left out, counted, and does not hold up the others`() {
        let test = TestRegistry { $0.callbackBudget = .milliseconds(30) }
        let release = DispatchSemaphore(value: 0)
        test.registry.gauge("b_hangs", help: "Hangs.") {
            release.wait()
            return 1
        }
        test.registry.gauge("a_quick", help: "Quick.") { 5 }
        test.registry.gauge("c_unknown", help: "Unknown.") { nil }
        let start = ContinuousClock.now
        let text = test.text(.text)
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(text.contains("a_quick 5\n"))
        #expect(!text.contains("\nb_hangs "))
        #expect(!text.contains("\nc_unknown "))
        #expect(test.line(#"metrics_callback_overruns_total{family="b_hangs"}"#) != nil)
        #expect(test.log.lines.filter { $0.contains("too slow") }.count == 1)
        release.signal()
    }

    @Test func `outcomes are created as a pair`() {
        enum Reason: String, LabelEnum {
            static let labelName = "reason"
            case soldOut = "sold_out"
            case payment
        }
        let test = TestRegistry()
        let bookings = test.registry.outcomes("bookings", help: "Bookings.", reasons: Reason.self)
        bookings.succeeded()
        bookings.failed(.soldOut)
        #expect(
            test.lines == [
                #"bookings_failures_total{reason="payment"} 0"#, #"bookings_failures_total{reason="sold_out"} 1"#,
                #"bookings_total{outcome="failure"} 1"#, #"bookings_total{outcome="success"} 1"#,
            ]
        )
    }

    @Test func `slow and failing database operations are recorded and logged without their values`() async throws {
        struct Refused: Error {}
        let test = TestRegistry()
        let database = DatabaseMetrics(registry: test.registry, system: "sqlite", logger: test.log.logger)
        database.record("SELECT bookings", duration: .milliseconds(400))
        _ = try? database.measure("INSERT bookings") { () throws(Refused) in throw Refused() }
        let labels = #"db_operation_name="SELECT bookings",db_system_name="sqlite""#
        #expect(test.line("db_client_operation_duration_seconds_count{\(labels)}") == "1")
        #expect(test.text(.text).contains(#"error_type="Refused""#))
        #expect(test.line("db_client_slow_operations_total") == "1")
        #expect(test.log.lines.filter { $0.contains("slow database operation") && $0.contains("400") }.count == 1)
    }

    @Test func `a quick database operation is recorded and not logged`() {
        let test = TestRegistry()
        let database = DatabaseMetrics(registry: test.registry, system: "sqlite", logger: test.log.logger)
        #expect(database.measure("SELECT venues") { 7 } == 7)
        let labels = #"db_operation_name="SELECT venues",db_system_name="sqlite""#
        #expect(test.line("db_client_operation_duration_seconds_count{\(labels)}") == "1")
        #expect(test.line("db_client_slow_operations_total") == "0")
        #expect(test.log.lines.isEmpty)
    }

    @Test func `pools tell their connections, who waits, how long and in vain`() {
        let test = TestRegistry()
        let pool = PoolMetrics(registry: test.registry, pool: "main")
        let other = PoolMetrics(registry: test.registry, pool: "other")
        pool.set(.init(inUse: 3, idle: 2, max: 8, pending: 4))
        other.set(.init(inUse: 1, idle: 0, max: 1))
        pool.set(.init(inUse: 5, idle: 1, max: 8, pending: 6))
        pool.waited(.milliseconds(20))
        pool.waited(.milliseconds(300))
        pool.timedOut()
        func value(_ name: String, _ pool: String = "main", _ more: String = "") -> String? {
            let labels = "pool=\"\(pool)\"" + more
            return test.line("db_pool_\(name){\(labels)}")
        }
        #expect(value("connections_in_use") == "5" && value("connections_in_use", "other") == "1")
        #expect(value("connections_idle") == "1" && value("connections_idle", "other") == "0")
        #expect(value("connections_max") == "8" && value("connections_max", "other") == "1")
        #expect(value("connections_pending") == "6" && value("connections_pending", "other") == "0")
        #expect(value("timeouts_total") == "1" && value("timeouts_total", "other") == "0")
        #expect(value("wait_duration_seconds_count") == "2" && value("wait_duration_seconds_count", "other") == "0")
        #expect(value("wait_duration_seconds_sum") == "0.32")
    }
}
