// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore

extension ListenAddress {
    /// Whether others than this machine can connect.
    var isPublic: Bool {
        guard case .tcp(let host, _) = self else { return false }
        return host != "::1" && host != "localhost" && !host.hasPrefix("127.")
    }

    /// Why nobody could listen here now; nil when somebody could.
    var bindingProblem: String? {
        switch self {
        case .unix(let path):
            let directory = FileAccess.directory(of: path)
            let place = directory.isEmpty ? "." : directory
            return unsafe access(place, W_OK | X_OK) == 0 ? nil : "\(place): \(Doctor.errorText)"
        case .tcp(_, let port):
            guard let address = try? socketAddress() else { return "the name cannot be resolved" }
            let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
            let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { return Doctor.errorText }
            defer { close(descriptor) }
            // as the listener does; it still finds out who listens
            var isReused: Int32 = 1
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isReused, socklen_t(MemoryLayout<Int32>.size))
            let outcome = unsafe address.withSockAddr { unsafe bind(descriptor, $0, socklen_t($1)) }
            guard outcome != 0 else { return nil }
            return "port \(port): \(Doctor.errorText)"
        }
    }
}
