// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// A sidecar that tells a supervisor it is ready and feeds its watchdog, as under systemd, and what that supervisor heard.
struct SupervisedSidecar {
    let process: ChildProcess
    let port: UInt16
    let directory: TemporaryDirectory
    private let supervisor: ChildProcess

    private static let listener = """
        import socket, sys
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(sys.argv[1])
        print("bound", flush=True)
        while True: print(s.recv(4096).decode().replace("\\n", " "), flush=True)
        """

    /// The watchdog wants a word every 400 ms.
    init() async throws {
        directory = try TemporaryDirectory("supervised")
        let socket = directory.path("notify")
        let supervisor = try ChildProcess("python3", ["-c", Self.listener, socket])
        guard await waitUntil({ supervisor.output.contains("bound") }) else {
            throw TestSupportError("the supervisor: \(supervisor.errorOutput)")
        }
        self.supervisor = supervisor
        port = try freePort()
        process = try ChildProcess(
            Programs.sidecar,
            ["run", "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path("data")],
            environment: ["NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "400000"]
        )
    }

    /// All that the supervisor heard.
    var heard: String { supervisor.output }

    /// How often the watchdog was fed.
    var feedings: Int { heard.components(separatedBy: "WATCHDOG=1").count - 1 }

    /// Ends both; true when the sidecar ended in order.
    func stop() async -> Bool {
        let isOrderly = await process.stop(grace: .seconds(20)) == .code(0)
        await supervisor.stop(SIGKILL)
        return isOrderly
    }
}
