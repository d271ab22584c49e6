// SPDX-License-Identifier: Apache-2.0

import Glibc
import HummingbirdCore
import NIOCore

extension ListenAddress {
    var bindAddress: BindAddress {
        switch self {
        case .tcp(let host, let port): .hostname(host, port: port)
        case .unix(let path): .unixDomainSocket(path: path)
        }
    }

    /// For a listener that takes one resolved address.
    func socketAddress() throws -> SocketAddress {
        switch self {
        case .tcp(let host, let port): try SocketAddress.makeAddressResolvingHost(host, port: port)
        case .unix(let path): try SocketAddress(unixDomainSocketPath: path)
        }
    }

    /// The address that was bound: with the port that was chosen where 0 was asked for.
    func bound(by channel: any Channel) -> ListenAddress {
        guard case .tcp(let host, _) = self, let port = channel.localAddress?.port else { return self }
        return .tcp(host: host, port: port)
    }

    /// A Unix socket is for its owner and its group, whatever the umask; connecting needs the right to write.
    func restrictAccess() {
        guard case .unix(let path) = self else { return }
        _ = unsafe chmod(path, 0o660)
    }
}
