// SPDX-License-Identifier: Apache-2.0

import Foundation

/// An authority of its own and certificates that it has signed, made by openssl in a folder that goes with it.
package final class TestCertificates: Sendable {
    package let directory: TemporaryDirectory

    /// Makes the authority.
    package init() async throws {
        directory = try TemporaryDirectory("certificates")
        // PostgreSQL's user reads its certificate here.
        guard unsafe chmod(directory.path, 0o755) == 0 else { throw TestSupportError("chmod: errno \(errno)") }
        try await makeAuthority("ca")
    }

    package var authority: String { directory.path("ca.pem") }

    /// Another authority, which nobody trusts.
    package func makeAuthority(_ name: String) async throws {
        try await openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            directory.path("\(name).key"), "-out", directory.path("\(name).pem"), "-days", "30", "-subj",
            "/CN=Test \(name)",
        ])
    }

    /// Signs a certificate and returns the paths of it, followed by its authority's, and of its key.
    ///
    /// - Parameters:
    ///   - names: as a subject alternative name is written, such as `DNS:localhost,IP:127.0.0.1`.
    ///   - days: until it expires; negative has expired.
    @discardableResult
    package func make(
        _ name: String,
        names: String = "DNS:localhost,IP:127.0.0.1",
        days: Int = 300,
        authority: String = "ca"
    ) async throws -> (certificate: String, key: String) {
        let key = directory.path("\(name).key")
        let request = directory.path("\(name).csr")
        let certificate = directory.path("\(name).pem")
        try await openssl([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
            request, "-subj", "/CN=\(name)",
        ])
        let extensions = try directory.write("subjectAltName=\(names)\n", to: "\(name).cnf")
        try await openssl([
            "x509", "-req", "-in", request, "-CA", directory.path("\(authority).pem"), "-CAkey",
            directory.path("\(authority).key"), "-CAcreateserial", "-days", String(days), "-extfile", extensions,
            "-out",
            certificate,
        ])
        let chain = try directory.read("\(name).pem") + directory.read("\(authority).pem")
        try directory.write(chain, to: "\(name).pem")
        return (certificate, key)
    }

    private func openssl(_ arguments: [String]) async throws {
        let result = try await ChildProcess.run("openssl", arguments)
        guard result.exit == .code(0) else { throw TestSupportError("openssl: \(result.error)") }
    }
}
