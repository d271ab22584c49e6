// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

extension HTTPOptions {
    /// Those given, and `Authorization` where the scheme is not one that libcurl writes.
    var allHeaders: [Header] {
        guard case .scheme(let scheme, let credentials) = authorization else { return headers }
        return [Header("Authorization", Secret("\(scheme) \(credentials.reveal())"))] + headers
    }

    /// A request as the options want it. Redirects are not followed, and of the answer only its beginning is read.
    ///
    /// - Parameter headers: instead of those that the options give.
    package func request(_ method: String, to url: Secret, headers: [Header]? = nil) -> HTTPRequest {
        var request = HTTPRequest(url: url.reveal(), method: method)
        request.headers = (headers ?? allHeaders).map { (name: $0.name, value: $0.value.reveal()) }
        if case .basic(let user, let password) = authorization {
            request.authorization = .basic(user: user, password: password.reveal())
        }
        request.proxy = proxy?.reveal()
        request.tls.caFile = caFile
        request.tls.certificateFile = certificateFile
        request.tls.keyFile = keyFile
        request.deadline = timeout
        request.connectTimeout = min(timeout, .seconds(5))
        request.bodyLimit = HTTPDelivery.answerLimit
        request.bodyOverflow = .truncate
        request.followsRedirects = false
        request.collectsHeaders = true
        return request
    }
}
