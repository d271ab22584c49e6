// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Stands before a server on loopback and passes bytes on; its answers later by `delay`.
package final class SlowProxy: Sendable {
    private let server: TCPServer
    private let settings: Settings

    private final class Settings: Sendable {
        let delay = Mutex(Duration.zero)
    }

    package init(before port: UInt16) throws {
        let settings = Settings()
        self.settings = settings
        server = try TCPServer { connection in
            guard let upstream = try? RawConnection(port: Int(port), timeout: 600) else { return }
            let client = connection.descriptor
            let isDone = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                while let bytes = upstream.receiveSome() {
                    let delay = settings.delay.withLock { $0 }
                    if delay > .zero { Thread.sleep(forTimeInterval: delay / .seconds(1)) }
                    guard writeAll(bytes, to: client) else { break }
                }
                shutdown(client, Int32(SHUT_RDWR))
                isDone.signal()
            }
            while let bytes = connection.readSome(), upstream.sendAll(bytes) {}
            upstream.end()
            isDone.wait()
        }
    }

    package var port: UInt16 { server.port }

    package func setDelay(_ delay: Duration) { settings.delay.withLock { $0 = delay } }

    package func stop() { server.stop() }
}
