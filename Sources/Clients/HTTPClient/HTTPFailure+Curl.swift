// SPDX-License-Identifier: Apache-2.0

import CCurl
import EventLoop
import Glibc

extension HTTPFailure {
    /// Tells apart what libcurl folds into one code, by the phase that was reached.
    ///
    /// - Parameter reachedPeer: whether the peer had accepted the connection, which libcurl does not tell while TLS is
    ///   still being spoken of.
    init(_ code: CURLcode, _ easy: CurlEasy?, resolve: Duration = .zero, reachedPeer: Bool = false) {
        self.init(Self.reason(code, easy, reachedPeer), easy?.failureText(for: code) ?? "")
    }

    private static func reason(_ code: CURLcode, _ easy: CurlEasy?, _ reachedPeer: Bool) -> HTTPFailureReason {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .dns
        case CURLE_COULDNT_CONNECT: connectReason(easy)
        case CURLE_OPERATION_TIMEDOUT: timeoutReason(easy, reachedPeer)
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR: .connectReset
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE: .connectionClosed
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER: .tlsHandshake
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR: verificationReason(easy)
        case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED:
            .tlsConfiguration
        case CURLE_BAD_CONTENT_ENCODING: .contentEncoding
        case CURLE_TOO_MANY_REDIRECTS: .tooManyRedirects
        case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_FTP_WEIRD_PASS_REPLY,
            CURLE_USE_SSL_FAILED:
            .protocolViolation
        case CURLE_LOGIN_DENIED, CURLE_AUTH_ERROR: .authentication
        // Also what libcurl calls an answer that does not begin like HTTP, once a request was sent.
        case CURLE_UNSUPPORTED_PROTOCOL:
            easy.map { $0.large(CURLINFO_PRETRANSFER_TIME_T) > 0 } == true ? .protocolViolation : .invalidRequest
        case CURLE_URL_MALFORMAT, CURLE_BAD_FUNCTION_ARGUMENT: .invalidRequest
        case CURLE_ABORTED_BY_CALLBACK: .cancelled
        default: .internal
        }
    }

    private static func connectReason(_ easy: CurlEasy?) -> HTTPFailureReason {
        guard let easy else { return .connectFailed }
        switch Int32(clamping: unsafe ccurl_os_errno(easy.handle)) {
        case ECONNREFUSED, ENOENT: return .connectRefused
        case ENETUNREACH, EHOSTUNREACH, EHOSTDOWN, ENETDOWN: return .connectUnreachable
        case ETIMEDOUT: return .connectTimeout
        case ECONNRESET: return .connectReset
        default: return .connectFailed
        }
    }

    private static func timeoutReason(_ easy: CurlEasy?, _ reachedPeer: Bool) -> HTTPFailureReason {
        guard let easy else { return .connectTimeout }
        if easy.large(CURLINFO_STARTTRANSFER_TIME_T) > 0 { return .timeoutBody }
        if easy.large(CURLINFO_PRETRANSFER_TIME_T) > 0 { return .timeoutFirstByte }
        return reachedPeer || easy.large(CURLINFO_CONNECT_TIME_T) > 0 ? .tlsTimeout : .connectTimeout
    }

    /// The numbers are OpenSSL's `X509_V_ERR_…`.
    private static func verificationReason(_ easy: CurlEasy?) -> HTTPFailureReason {
        switch easy?.long(CURLINFO_SSL_VERIFYRESULT) ?? 0 {
        case 10: .tlsExpired
        // libcurl compares the name before it notes how the chain fared: 1 is then what it began with.
        case 0, 1, 62, 64: .tlsHostname
        default: .tlsUntrusted
        }
    }
}
