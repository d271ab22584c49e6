// SPDX-License-Identifier: Apache-2.0

import DNSClient
import EventLoop
import Glibc
import HealthChecks
import Logging
import Scraping
import TimeSeries

extension Sidecar {
    /// What is found goes to the scrapes, on the I/O loop.
    static func makeDiscovery(
        _ core: LoopBound<Core>,
        board: TargetBoard,
        logger: Logger,
        clock: HealthClock
    ) throws -> DiscoveryLoop {
        let files = FileAccess.system
        return try DiscoveryLoop(
            board: board,
            logger: logger,
            disk: FileDiscovery.Disk(files),
            resolvConf: { files.resolvConf },
            publish: { job, groups in
                core.loop.execute {
                    let core = core.value
                    let now = Timestamp(milliseconds: clock.now().unixMilliseconds)
                    core.conductor.replace(scrapes: core.scrapes.discovered(groups, of: job, at: now))
                }
            }
        )
    }
}

extension FileDiscovery.Disk {
    init(_ files: FileAccess) {
        self.init(expand: files.expand, signature: { FileAccess.signature(of: $0) }, read: files.read)
    }
}

extension NameDiscovery {
    /// Asks the servers of the configuration, or else the machine's.
    ///
    /// - Parameters:
    ///   - resolvConf: the text of the machine's `resolv.conf`.
    ///   - patience: how long all questions for one name may take.
    init(
        _ names: DiscoveryConfiguration.Names,
        resolvConf: @escaping @Sendable () -> String?,
        patience: Duration
    ) {
        self.init(names) { name, type throws(DNSFailure) in
            var configuration = DNSConfiguration(resolvConf: resolvConf() ?? "")
            if let servers = names.servers { configuration.servers = servers }
            return try DNSClient(configuration).records(name, type, within: patience)
        }
    }
}

extension FileAccess {
    var resolvConf: String? { read("/etc/resolv.conf").map { String(decoding: $0, as: UTF8.self) } }

    /// What changes when a file does; nil when there is none.
    static func signature(of path: String) -> FileDiscovery.Signature? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        let (nanoseconds, overflow) = Int64(status.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        return FileDiscovery.Signature(
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            size: Int64(status.st_size),
            modified: overflow ? 0 : nanoseconds &+ Int64(status.st_mtim.tv_nsec)
        )
    }
}
