// SPDX-License-Identifier: Apache-2.0

/// nginx in the foreground with `server` blocks of a test's own; everything it writes stays in a directory of its own.
package final class NginxServer: Sendable {
    package let process: ChildProcess
    package let directory: TemporaryDirectory

    /// - Parameters:
    ///   - servers: `server { … }` blocks; `{dir}` stands for the directory.
    ///   - files: what else lies in the directory, by name.
    ///   - port: one that it listens on, to know when it is up.
    package init(_ servers: String, files: [String: String] = [:], port: UInt16) async throws {
        directory = try TemporaryDirectory("nginx")
        let path = directory.path
        for (name, text) in files { try directory.write(text, to: name) }
        let configuration = try directory.write(
            """
            daemon off;
            master_process off;
            error_log stderr;
            pid {dir}/nginx.pid;
            events { worker_connections 256; }
            http {
                access_log off;
                default_type "text/plain; version=0.0.4";
                client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
                uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
                \(servers)
            }
            """.split(separator: "{dir}").joined(separator: path),
            to: "nginx.conf"
        )
        process = try ChildProcess("nginx", ["-p", path, "-c", configuration, "-e", "stderr"])
        let isUp = await waitUntil { !process.isRunning || accepts(port: port) }
        guard isUp, process.isRunning else { throw TestSupportError("nginx: \(process.errorOutput)") }
    }
}
