// SPDX-License-Identifier: Apache-2.0

import Exposition
import Glibc
import HealthChecks
import Logging
import NIOCore
import NIOSSL
import Synchronization
import YAMLDocument

/// TLS and users of the listeners. Certificates that were renewed, and users that were changed, count from the next
/// connection on, at the latest a second after their files were replaced; what cannot be read leaves the old in place.
final class WebAccess: Sendable {
    /// Why TLS cannot be served.
    struct Problem: Error, CustomStringConvertible, Sendable {
        let description: String
    }

    /// Tells whether a file is another than it was.
    private struct Stamp: Equatable {
        var inode: UInt64 = 0
        var seconds = 0
        var nanoseconds = 0
        var size: Int64 = 0
    }

    private struct State {
        var configuration: WebAccessConfiguration
        var context: NIOSSLContext?
        var stamps: [String: Stamp]
        var lookedAt: Duration
        var failures: UInt64 = 0
    }

    let gatekeeper: Gatekeeper
    /// Decided at the start: TLS does not come and go while somebody listens.
    let isEncrypted: Bool
    let identifiesClients: Bool
    private let file: String?
    private let clock: HealthClock
    private let logger: Logger
    private let state: Mutex<State>

    init(_ web: WebConfiguration, clock: HealthClock, logger: Logger) throws(Problem) {
        file = web.accessFile
        self.clock = clock
        self.logger = logger
        isEncrypted = web.access.tls != nil
        identifiesClients = web.access.identifiesClients
        gatekeeper = Gatekeeper(users: web.access.users)
        let context = try web.access.tls.map(Self.context)
        let stamps = Self.stamps(of: Self.files(web.access, web.accessFile))
        state = Mutex(
            State(configuration: web.access, context: context, stamps: stamps, lookedAt: clock.now().uptime)
        )
    }

    /// Puts TLS in front of a connection; on the connection's event loop.
    func prepare(_ channel: any Channel) throws {
        refresh()
        guard isEncrypted, let context = state.withLock({ $0.context }) else { return }
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
    }

    func addMetrics(_ builder: inout FamilyBuilder) {
        guard file != nil else { return }
        builder.add(
            "sidecar_web_logins_refused_total",
            .counter,
            "Requests without the user and password asked for.",
            [],
            Double(gatekeeper.refused)
        )
        builder.add(
            "sidecar_web_reload_failures_total",
            .counter,
            "Times changed certificates or users could not be read; the old ones stay.",
            [],
            Double(state.withLock { $0.failures })
        )
    }

    // MARK: Renewal

    /// At most once a second a look at the files' dates.
    private func refresh() {
        guard let file else { return }
        let now = clock.now().uptime
        let previous: State? = state.withLock { state in
            guard now - state.lookedAt >= .seconds(1) else { return nil }
            state.lookedAt = now
            return state
        }
        guard let previous else { return }
        let stamps = Self.stamps(of: Self.files(previous.configuration, file))
        guard stamps != previous.stamps else { return }
        let problems = YAMLProblems()
        let read = WebAccessConfiguration.read(file: file, files: .system, problems: problems)
        guard let read, !problems.hasErrors else {
            return keepOld(stamps, problems.sorted.map(\.description).joined(separator: "; "))
        }
        guard (read.tls != nil) == isEncrypted else {
            return keepOld(stamps, "TLS is switched on and off by a restart only")
        }
        do throws(Problem) {
            let context = try read.tls.map(Self.context)
            let newStamps = Self.stamps(of: Self.files(read, file))
            state.withLock {
                $0.configuration = read
                $0.context = context
                $0.stamps = newStamps
            }
            gatekeeper.replace(users: read.users)
            logger.notice("web.access_reloaded")
        } catch {
            keepOld(stamps, error.description)
        }
    }

    private func keepOld(_ stamps: [String: Stamp], _ problem: String) {
        state.withLock {
            $0.stamps = stamps
            $0.failures &+= 1
        }
        logger.error("web.access_reload_failed", metadata: ["problem": .string(problem)])
    }

    private static func files(_ configuration: WebAccessConfiguration, _ file: String?) -> [String] {
        let tls = configuration.tls
        return [file, tls?.certificateFile, tls?.keyFile, tls?.clientCAFile].compactMap { $0 }
    }

    private static func stamps(of files: [String]) -> [String: Stamp] {
        var stamps: [String: Stamp] = [:]
        for path in files {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { continue }
            stamps[path] = Stamp(
                inode: UInt64(status.st_ino),
                seconds: status.st_mtim.tv_sec,
                nanoseconds: status.st_mtim.tv_nsec,
                size: Int64(status.st_size)
            )
        }
        return stamps
    }

    // MARK: TLS

    /// Why TLS cannot be served as configured; nil when it can, or is not asked for.
    static func problem(of configuration: WebAccessConfiguration) -> String? {
        do throws(Problem) {
            _ = try configuration.tls.map(context)
            return nil
        } catch {
            return error.description
        }
    }

    private static func context(_ tls: WebAccessConfiguration.TLS) throws(Problem) -> NIOSSLContext {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(tls.certificateFile)
            let key = try NIOSSLPrivateKey(file: tls.keyFile, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(key)
            )
            configuration.minimumTLSVersion = tls.minimumVersion.library
            configuration.maximumTLSVersion = tls.maximumVersion.library
            configuration.applicationProtocols = ["http/1.1"]
            if let path = tls.clientCAFile {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(path))
            }
            switch tls.clientAuthentication {
            case .none: configuration.certificateVerification = .none
            case .verifyIfGiven: configuration.certificateVerification = .optionalVerification
            case .require: configuration.certificateVerification = .noHostnameVerification
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            // The library's words name neither file nor key material; the files are ours to name.
            throw Problem(
                description: "\(tls.certificateFile), \(tls.keyFile): not a certificate chain and its key (\(error))"
            )
        }
    }
}

extension WebAccessConfiguration.Version {
    fileprivate var library: TLSVersion {
        switch self {
        case .tls10: .tlsv1
        case .tls11: .tlsv11
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}
