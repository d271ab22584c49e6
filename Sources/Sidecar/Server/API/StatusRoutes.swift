// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Hummingbird
import JSONDocument
import TimeSeries

/// `/api/v1/status/*`: what runs, with which flags and configuration, and what the store holds.
struct StatusRoutes: Sendable {
    let store: TimeSeriesStore
    let pool: QueryPool
    let version: String
    let startedAt: HealthTime
    let flags: [(name: String, value: String)]
    let retention: Duration
    /// The configuration as loaded, secrets taken out.
    let configuration: @Sendable () -> String
    /// When it was loaded last, and whether that went well.
    let reload: @Sendable () -> (succeeded: Bool, time: Timestamp)
    /// Where alerts are forwarded to, as URLs without credentials.
    let alertmanagers: @Sendable () -> [String]

    func register(on router: some RouterMethods<BasicRequestContext>) {
        router.get("/api/v1/status/buildinfo") { _, _ in buildInfo() }
        router.get("/api/v1/status/runtimeinfo") { _, _ in runtimeInfo() }
        router.get("/api/v1/status/flags") { _, _ in
            Response.success { json in
                json.object { for flag in flags { $0.member(flag.name, flag.value) } }
            }
        }
        router.get("/api/v1/status/config") { _, _ in
            Response.success { $0.object { $0.member("yaml", configuration()) } }
        }
        router.get("/api/v1/status/tsdb") { request, _ in try await seriesStatistics(request) }
        // The log has been read by the time that anything is served.
        router.get("/api/v1/status/walreplay") { _, _ in
            Response.success { json in
                json.object { for name in ["min", "max", "current"] { $0.member(name, 0) } }
            }
        }
        router.get("/api/v1/alertmanagers") { _, _ in
            Response.success { json in
                json.object {
                    $0.member("activeAlertmanagers", array: alertmanagers()) { json, url in
                        json.object { $0.member("url", url) }
                    }
                    $0.member("droppedAlertmanagers", array: [] as [Int]) { _, _ in }
                }
            }
        }
    }

    private func buildInfo() -> Response {
        .success { json in
            json.object {
                $0.member("version", version)
                $0.member("revision", "")
                $0.member("branch", "")
                $0.member("buildUser", "")
                $0.member("buildDate", "")
                $0.member("goVersion", "")
            }
        }
    }

    private func runtimeInfo() -> Response {
        let reload = reload()
        let statistics = store.statistics
        return .success { json in
            json.object {
                $0.member("startTime", TimeText.rfc3339(Timestamp(milliseconds: startedAt.unixMilliseconds)))
                $0.member("CWD", "")
                $0.member("hostname", HostName.current)
                $0.member(
                    "serverTime",
                    TimeText.rfc3339(Timestamp(milliseconds: HealthClock.system.now().unixMilliseconds))
                )
                $0.member("reloadConfigSuccess", reload.succeeded)
                $0.member("lastConfigTime", TimeText.rfc3339(reload.time))
                $0.member("corruptionCount", 0)
                $0.member("timeSeriesCount", statistics.series)
                $0.member("goroutineCount", 0)
                $0.member("GOMAXPROCS", 0)
                $0.member("GOMEMLIMIT", 0)
                $0.member("GOGC", "")
                $0.member("GODEBUG", "")
                $0.member("storageRetention", "\(Int64(retention / .seconds(1)))s")
            }
        }
    }

    private func seriesStatistics(_ request: Request) async throws -> Response {
        var request = request
        let parameters = try await request.parameters()
        let limit = Int(parameters["limit"] ?? "10") ?? 0
        guard limit > 0 else { throw APIError.badData("limit must be a positive number") }
        guard limit <= Self.statisticsLimit else {
            throw APIError.badData("limit must not exceed \(Self.statisticsLimit)")
        }
        let statistics = try await pool.answer { [store] in SeriesStatistics(store, limit: limit) }
        return .success { statistics.write(to: &$0) }
    }

    private static let statisticsLimit = 10_000
}
