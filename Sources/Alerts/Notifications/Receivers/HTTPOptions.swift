// SPDX-License-Identifier: Apache-2.0

/// How to speak HTTP to a receiver. TLS certificates are always verified and redirects never followed; neither can be
/// switched off here.
package struct HTTPOptions: Hashable, Sendable {
    package enum Authorization: Hashable, Sendable {
        case none
        case basic(user: String, password: Secret)
        /// `Authorization: <scheme> <credentials>`
        case scheme(String, Secret)
    }

    package struct Header: Hashable, Sendable {
        package var name: String
        package var value: Secret

        package init(_ name: String, _ value: Secret) {
            self.name = name
            self.value = value
        }
    }

    package var authorization = Authorization.none
    package var headers: [Header] = []
    package var proxy: Secret?
    package var caFile: String?
    package var certificateFile: String?
    package var keyFile: String?
    package var timeout = Duration.seconds(10)

    package init() {}

    /// Everything in here that must never be shown.
    var secrets: [Secret] {
        var result = headers.map(\.value)
        switch authorization {
        case .none: break
        case .basic(let user, let password):
            result.append(password)
            result.append(Secret(Digest.base64(Array("\(user):\(password.reveal())".utf8))))
        case .scheme(_, let credentials): result.append(credentials)
        }
        if let proxy { result.append(proxy) }
        return result
    }
}
