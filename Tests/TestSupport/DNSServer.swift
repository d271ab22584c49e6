// SPDX-License-Identifier: Apache-2.0

/// dnsmasq on a free port of 127.0.0.1, which knows what its arguments say and asks nobody.
package final class DNSServer: Sendable {
    package let port: UInt16
    package let process: ChildProcess

    /// - Parameter records: such as `--host-record=a.example,10.0.0.1`.
    package init(_ records: [String], port: UInt16? = nil) async throws {
        let port = try port ?? freePort()
        self.port = port
        process = try ChildProcess(
            "dnsmasq",
            [
                "--keep-in-foreground", "--port=\(port)", "--listen-address=127.0.0.1", "--bind-interfaces",
                "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--local=/example/",
            ] + records
        )
        let isUp = await waitUntil { !process.isRunning || accepts(port: port) }
        guard isUp, process.isRunning else { throw TestSupportError("dnsmasq: \(process.errorOutput)") }
    }
}
