// SPDX-License-Identifier: Apache-2.0

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
            disk: FileDiscovery.Disk(
                expand: files.expand,
                signature: { FileAccess.signature(of: $0) },
                read: files.read
            ),
            resolvConf: { files.read("/etc/resolv.conf").map { String(decoding: $0, as: UTF8.self) } },
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

extension FileAccess {
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
