// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import RedisClient

/// Opens connections to one Redis server: plain or encrypted, logged in.
struct RedisConnector {
    let url: RedisURL
    let tls: TLSOptions
    let environment: CheckEnvironment
    private let resolver: NameResolver

    init(url: RedisURL, tls: TLSOptions, environment: CheckEnvironment) {
        self.url = url
        self.tls = tls
        self.environment = environment
        resolver = NameResolver(loop: environment.loop)
    }

    /// Reads where to connect and as whom; a user and a password of their own beat those of the URL.
    static func url(
        _ text: String,
        username: String?,
        password: String?
    ) throws(CheckConfigurationError) -> RedisURL {
        guard var url = RedisURL(text) else {
            throw CheckConfigurationError("url: expected redis://host:port/db, rediss://… or unix:/path")
        }
        if let username { url.username = username }
        if let password { url.password = password }
        if url.usesTLS, case .unix = url.address { throw CheckConfigurationError("url: no TLS over a Unix socket") }
        return url
    }

    /// Connects and logs in; calls back once while the connection lives.
    func open(
        database: Int,
        deadline: Duration,
        completion: @escaping (RedisConnection, RedisFailure?) -> Void
    ) -> RedisConnection {
        let stream: any ByteStream
        if url.usesTLS, case .host(let host, let port) = url.address {
            stream = TLSStream(client: environment.http, host: host, port: port, tls: tls)
        } else {
            stream = SocketStream(loop: environment.loop, resolver: resolver, address: url.address)
        }
        let fresh = RedisConnection(loop: environment.loop, stream: stream)
        var login = RedisConnection.Login()
        login.username = url.username
        login.password = url.password
        login.database = database
        fresh.open(login, deadline: deadline) { [weak fresh] failure in
            if let fresh { completion(fresh, failure) }
        }
        return fresh
    }
}
