// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import Scraping

/// Looks for targets on a thread of its own: files are looked at every second and read when they have changed, names are
/// asked for at their interval, each on a thread that may wait. What is found goes to the I/O loop.
final class DiscoveryLoop: Sendable {
    /// How often files are looked at for changes.
    private static let glance = Duration.seconds(1)
    /// How long all questions for one name may take.
    private static let patience = Duration.seconds(10)

    private final class Source {
        let job: String
        let configuration: DiscoveryConfiguration
        var groups: [ScrapeConfiguration.TargetGroup]?
        var failing: [String: String] = [:]
        var files: FileDiscovery?
        var names: NameDiscovery?
        var isLooking = false
        var lastFull: MonotonicTime?

        init(job: String, configuration: DiscoveryConfiguration) {
            self.job = job
            self.configuration = configuration
        }
    }

    private final class Box {
        var sources: [Source] = []
        var timer: LoopTimer?
        var isStopped = false
    }

    private let loop: EventLoop
    private let box: LoopBound<Box>
    private let logger: Logger
    private let disk: FileDiscovery.Disk
    private let resolvConf: @Sendable () -> String?
    private let publish: @Sendable (String, [ScrapeConfiguration.TargetGroup]) -> Void
    private let board: TargetBoard

    /// - Parameters:
    ///   - resolvConf: the text of the machine's `resolv.conf`.
    ///   - publish: gets all groups of a job when they have changed; called on this loop's thread.
    init(
        board: TargetBoard,
        logger: Logger,
        disk: FileDiscovery.Disk,
        resolvConf: @escaping @Sendable () -> String?,
        publish: @escaping @Sendable (String, [ScrapeConfiguration.TargetGroup]) -> Void
    ) throws {
        loop = try EventLoop(name: "discovery")
        box = LoopBound(Box(), on: loop)
        self.board = board
        self.logger = logger
        self.disk = disk
        self.resolvConf = resolvConf
        self.publish = publish
    }

    /// Replaces what is looked for; a source that stays keeps what it has found.
    func configure(_ configurations: [ScrapeConfiguration]) {
        loop.execute { [self] in
            let old = box.value.sources
            box.value.sources = configurations.flatMap { scrape in
                scrape.discovery.map { discovery in
                    old.first { $0.job == scrape.jobName && $0.configuration == discovery }
                        ?? Source(job: scrape.jobName, configuration: discovery)
                }
            }
            board.updateDiscovery { statistics in
                statistics = box.value.sources.map { source in
                    let mechanism = source.configuration.mechanism
                    return statistics.first { $0.job == source.job && $0.mechanism == mechanism }
                        ?? DiscoveryStatistics(job: source.job, mechanism: mechanism)
                }
            }
            tick()
        }
    }

    func stop() async {
        _ = await loop.run { [self] in
            box.value.isStopped = true
            if let timer = box.value.timer { loop.cancel(timer) }
            box.value.timer = nil
        }
        loop.stop()
    }

    // MARK: Looking

    private func tick() {
        if let timer = box.value.timer { loop.cancel(timer) }
        box.value.timer = nil
        guard !box.value.isStopped, !box.value.sources.isEmpty else { return }
        for index in box.value.sources.indices { look(index) }
        box.value.timer = loop.schedule(after: Self.glance) { [self] in tick() }
    }

    private func look(_ index: Int) {
        let source = box.value.sources[index]
        let now = MonotonicTime.now()
        switch source.configuration {
        case .files(let files):
            let isFull = source.lastFull.map { now - $0 >= files.refreshInterval } ?? true
            if isFull { source.lastFull = now }
            let discovery = source.files ?? FileDiscovery(files, disk: disk)
            source.files = discovery
            if let result = discovery.look(isFull: isFull) { take(result, source) }
        case .names(let names):
            guard !source.isLooking, source.lastFull.map({ now - $0 >= names.refreshInterval }) ?? true else { return }
            source.lastFull = now
            source.isLooking = true
            ask(source, names)
        }
    }

    private func ask(_ source: Source, _ names: DiscoveryConfiguration.Names) {
        let discovery =
            source.names
            ?? NameDiscovery(names, resolvConf: resolvConf, patience: Self.patience)
        let place = LoopBound(source, on: loop)
        let started = startDetachedThread(name: "dns") { [self, discovery] in
            var own = discovery
            let result = own.look()
            let after = own
            loop.execute { [self] in
                place.value.names = after
                place.value.isLooking = false
                guard !box.value.isStopped, box.value.sources.contains(where: { $0 === place.value }) else { return }
                take(result, place.value)
            }
        }
        if !started {
            source.isLooking = false
            let failure = DiscoveryResult.Failure(subject: names.names.first ?? "", reason: "no_thread", text: "")
            take(DiscoveryResult(groups: source.groups ?? [], failures: [failure]), source)
        }
    }

    private func take(_ result: DiscoveryResult, _ source: Source) {
        count(result, source)
        var failing: [String: String] = [:]
        for failure in result.failures {
            failing[failure.subject] = failure.reason
            guard source.failing[failure.subject] != failure.reason else { continue }
            logger.warning(
                "discovery.failed",
                metadata: [
                    "scrape_job": .string(source.job), "mechanism": .string(source.configuration.mechanism),
                    "subject": .string(failure.subject), "reason": .string(failure.reason),
                    "text": .string(failure.text),
                ]
            )
        }
        for subject in source.failing.keys.sorted() where failing[subject] == nil {
            logger.notice(
                "discovery.recovered",
                metadata: [
                    "scrape_job": .string(source.job), "mechanism": .string(source.configuration.mechanism),
                    "subject": .string(subject),
                ]
            )
        }
        source.failing = failing
        guard source.groups != result.groups else { return }
        source.groups = result.groups
        publish(source.job, box.value.sources.filter { $0.job == source.job }.flatMap { $0.groups ?? [] })
    }

    private func count(_ result: DiscoveryResult, _ source: Source) {
        board.updateDiscovery { statistics in
            let mechanism = source.configuration.mechanism
            guard let index = statistics.firstIndex(where: { $0.job == source.job && $0.mechanism == mechanism }) else {
                return
            }
            statistics[index].looks &+= 1
            statistics[index].isFailing = !result.failures.isEmpty
            statistics[index].targets = result.groups.reduce(0) { $0 + $1.targets.count }
            for failure in result.failures { statistics[index].failures[failure.reason, default: 0] &+= 1 }
        }
    }
}
