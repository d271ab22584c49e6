// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import HealthChecks
import Notifications
import RemoteWrite
import Scraping

/// What a sidecar will talk to, and where it will be talked to.
struct DoctorNetwork: Sendable {
    let configuration: SidecarConfiguration
    private let clock: HealthClock
    private let loop: EventLoop
    private let client: HTTPClient

    init(configuration: SidecarConfiguration, clock: HealthClock) throws {
        self.configuration = configuration
        self.clock = clock
        loop = try EventLoop(name: "doctor")
        client = try HTTPClient(loop: loop)
    }

    func stop() { loop.stop() }

    // MARK: Where it will listen

    /// `isOurs`: a sidecar with this data directory runs already, and holds the ports.
    func portFindings(isOurs: Bool) async -> [Finding] {
        let web = configuration.web
        let listeners: [(key: String, address: ListenAddress?)] = [
            ("web.listen", web.listen), ("web.admin_listen", web.adminListen),
            ("web.haproxy_agent_listen", web.haproxyAgentListen), ("web.grpc_listen", web.grpcListen),
        ]
        return listeners.compactMap { key, address in
            guard let address else { return nil }
            let subject = "\(key) \(address)"
            guard let problem = address.bindingProblem else {
                return address.isPublic && web.access.users.isEmpty && web.adminListen == nil && key == "web.listen"
                    ? .warning(.ports, subject, "free, and reachable from outside without a password")
                    : .good(.ports, subject, "free")
            }
            return isOurs
                ? .good(.ports, subject, "in use, by the sidecar that runs") : .failure(.ports, subject, problem)
        }
    }

    // MARK: What it will ask

    func targetFindings(files: FileAccess) async -> [Finding] {
        var findings: [Finding] = []
        var requests: [(subject: String, request: HTTPRequest)] = []
        for configured in configuration.scrapes {
            var scrape = configured
            for discovery in scrape.discovery {
                let found = await DiscoveryTrial.look(discovery, files: files, patience: Doctor.patience)
                scrape.groups += found.groups
                findings += DiscoveryTrial.findings(found, discovery, job: scrape.jobName)
            }
            let targets = TargetSet(scrape)
            findings += targets.problems.map { .failure(.targets, scrape.jobName, $0) }
            for target in targets.active {
                requests.append(("\(scrape.jobName) \(target.instance)", ScrapeRequest.make(target, scrape)))
            }
        }
        return findings
            + (await inParallel(requests) { subject, request in
                await ask(.targets, subject, request) { status in
                    status == 200 ? nil : "status \(status), so it counts as down"
                }
            })
    }

    func checkFindings() async -> [Finding] {
        let definitions = configuration.checks.map { (subject: $0.name, definition: $0) }
        return await inParallel(definitions) { subject, definition in
            guard CheckTrial.isPossible(definition) else {
                return [.good(.checks, subject, "not tried: it looks at what a running sidecar keeps")]
            }
            do throws(CheckTrial.Problem) {
                let trial = try await CheckTrial(definition, deadline: definition.settings.timeout, clock: clock)
                return [Self.finding(trial, policy: definition.settings.policy)]
            } catch {
                return [.failure(.checks, subject, error.description)]
            }
        }
    }

    private static func finding(_ trial: CheckTrial, policy: CheckSettings.Policy) -> Finding {
        let subject = "\(trial.name) (\(trial.kind) \(trial.instance))"
        let result = trial.result
        let text = [result.reason?.rawValue, result.text.isEmpty ? nil : result.text].compactMap(\.self)
            .joined(separator: ": ")
        switch result.verdict {
        case .up: return .good(.checks, subject, "up")
        case .degraded, .undetermined: return .warning(.checks, subject, "\(result.verdict.rawValue), \(text)")
        case .down: return policy == .critical ? .failure(.checks, subject, text) : .warning(.checks, subject, text)
        }
    }

    // MARK: Whom it will tell

    /// Whether the other side answers at all: nothing is posted, so that nobody is woken.
    func receiverFindings() async -> [Finding] {
        var addresses: [(subject: String, place: Place)] = []
        for receiver in configuration.notifications.receivers {
            for (key, integration) in receiver.keyed() {
                switch integration.settings {
                case .webhook(let settings): addresses.append((key, .url(settings.url, settings.http)))
                case .slack(let settings): addresses.append((key, .url(settings.url, settings.http)))
                case .pagerduty(let settings): addresses.append((key, .url(Secret(settings.url), settings.http)))
                case .email(let settings): addresses.append((key, .address(settings.smarthost)))
                case .journald: continue
                }
            }
        }
        return await inParallel(addresses) { subject, place in
            switch place {
            case .address(let address): [await connect(subject, to: address)]
            case .url(let url, let options): await reach(subject, url, options)
            }
        }
    }

    private enum Place: Sendable {
        case url(Secret, HTTPOptions)
        case address(String)
    }

    /// OPTIONS asks what may be done and does nothing; any answer shows that name, network, TLS and proxy are well.
    private func reach(_ subject: String, _ url: Secret, _ options: HTTPOptions) async -> [Finding] {
        await ask(.receivers, subject, options.request("OPTIONS", to: url, headers: [])) { _ in nil }
    }

    /// Asks each Alertmanager for its status, with the credentials that alerts are sent with.
    func alertingFindings() async -> [Finding] {
        let endpoints = configuration.alerting.endpoints.map { (subject: $0.shownURL, endpoint: $0) }
        return await inParallel(endpoints) { subject, endpoint in
            await ask(.alerting, subject, endpoint.http.request("GET", to: endpoint.statusURL)) { status in
                status == 200 ? nil : "status \(status), so it would take no alerts"
            }
        }
    }

    /// Sends each receiver a write of nothing.
    func remoteWriteFindings() async -> [Finding] {
        let remotes = configuration.remoteWrites.map { (subject: $0.remote.shownURL, remote: $0.remote) }
        return await inParallel(remotes) { subject, remote in
            await ask(.remoteWrite, subject, remote.emptyWrite) { status in
                (200..<300).contains(status) ? nil : "status \(status), so it would take no samples"
            }
        }
    }

    private func connect(_ subject: String, to address: String) async -> Finding {
        guard let place = StreamAddress(address, defaultPort: 25) else {
            return .failure(.receivers, subject, "the address cannot be read")
        }
        let (loop, patience) = (loop, Doctor.patience)
        let failure: StreamFailure? = await withCheckedContinuation { continuation in
            let isAccepted = loop.execute {
                let stream = SocketStream(loop: loop, resolver: NameResolver(loop: loop), address: place)
                stream.open(deadline: patience) { failure in
                    stream.close()
                    continuation.resume(returning: failure)
                }
            }
            if !isAccepted { continuation.resume(returning: StreamFailure(.cancelled)) }
        }
        return failure.map { .failure(.receivers, subject, $0.description) }
            ?? .good(.receivers, subject, "accepts connections")
    }

    // MARK: Asking

    /// `judge` says what is wrong with a status, if anything.
    private func ask(
        _ area: Finding.Area,
        _ subject: String,
        _ request: HTTPRequest,
        judge: (Int) -> String?
    ) async -> [Finding] {
        var request = request
        request.deadline = min(request.deadline, Doctor.patience)
        request.connectTimeout = min(request.connectTimeout, Doctor.patience)
        request.collectsHeaders = true
        do throws(HTTPFailure) {
            let answer = try await client.perform(request)
            var findings: [Finding] = []
            if let problem = judge(answer.status) {
                findings.append(.failure(area, subject, problem))
            } else {
                findings.append(.good(area, subject, "answers with status \(answer.status)"))
            }
            if let skew = ClockSkew(date: answer.head.header("date"), now: clock.now()), skew.isLarge {
                findings.append(.warning(.clock, subject, skew.text))
            }
            return findings
        } catch {
            return [.failure(area, subject, "\(error.reason.rawValue): \(error.text)")]
        }
    }

    /// In the order of the elements, a few at a time.
    private func inParallel<Element: Sendable>(
        _ elements: [(subject: String, Element)],
        _ body: @escaping @Sendable (String, Element) async -> [Finding]
    ) async -> [Finding] {
        var results: [[Finding]] = Array(repeating: [], count: elements.count)
        await withTaskGroup(of: (Int, [Finding]).self) { group in
            var next = 0
            func start() {
                guard next < elements.count else { return }
                let (index, (subject, element)) = (next, elements[next])
                next += 1
                group.addTask { (index, await body(subject, element)) }
            }
            for _ in 0..<Doctor.parallelism { start() }
            while let (index, findings) = await group.next() {
                results[index] = findings
                start()
            }
        }
        return results.flatMap(\.self)
    }
}
