// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
package import HealthChecks
package import PostgresClient
package import RedisClient

extension HealthReason {
    init(_ reason: StreamFailure.Reason) {
        switch reason {
        case .dns: self = .dns
        case .refused: self = .connectRefused
        case .unreachable: self = .unreachable
        case .connectTimeout: self = .connectTimeout
        case .reset, .closed: self = .connectionReset
        case .tlsHandshake, .tlsUntrusted, .tlsHostname: self = .tls
        case .tlsTimeout: self = .timeout
        case .tlsExpired: self = .certificateExpiry
        case .tlsConfiguration, .invalidAddress: self = .misconfigured
        case .cancelled, .internal: self = .internalError
        }
    }

    init(_ reason: HTTPFailureReason) {
        switch reason {
        case .dns: self = .dns
        case .connectRefused: self = .connectRefused
        case .connectTimeout: self = .connectTimeout
        case .connectUnreachable, .connectFailed, .addressForbidden: self = .unreachable
        case .connectReset, .connectionClosed: self = .connectionReset
        case .tlsHandshake, .tlsUntrusted, .tlsHostname: self = .tls
        case .tlsExpired: self = .certificateExpiry
        case .tlsTimeout, .timeoutFirstByte, .timeoutBody: self = .timeout
        case .tlsConfiguration, .invalidRequest: self = .misconfigured
        case .bodyTooLarge, .headersTooLarge: self = .tooLarge
        case .contentEncoding, .protocolViolation: self = .protocolError
        case .tooManyRedirects: self = .redirect
        case .authentication: self = .auth
        case .rejected: self = .queryFailed
        case .cancelled, .internal: self = .internalError
        }
    }

    package init(_ reason: PostgresFailure.Reason) {
        switch reason {
        case .dns: self = .dns
        case .refused: self = .connectRefused
        case .unreachable: self = .unreachable
        case .connectTimeout: self = .connectTimeout
        case .timeout, .statementTimeout: self = .timeout
        case .closed: self = .connectionReset
        case .tls: self = .tls
        case .authentication: self = .auth
        case .permission: self = .permission
        case .missingDatabase: self = .missing
        case .tooManyConnections: self = .tooManyConnections
        case .startingUp: self = .startingUp
        case .shuttingDown: self = .shuttingDown
        case .readOnly: self = .readOnly
        case .diskFull: self = .full
        case .outOfMemory: self = .outOfMemory
        case .lockTimeout: self = .busy
        case .corrupt: self = .corrupt
        case .protocolViolation: self = .protocolError
        case .statement: self = .queryFailed
        case .invalidConfiguration: self = .misconfigured
        case .internal: self = .internalError
        }
    }

    package init(_ failure: RedisFailure) {
        switch failure.reason {
        case .stream: self = failure.stream.map { HealthReason($0.reason) } ?? .internalError
        case .timeout: self = .timeout
        case .noAuthentication, .wrongPassword: self = .auth
        case .noPermission: self = .permission
        case .loading: self = .loading
        case .readOnly: self = .readOnly
        case .misconfigured: self = .persistenceFailed
        case .outOfMemory: self = .outOfMemory
        case .masterDown: self = .primaryDown
        case .clusterDown: self = .clusterDown
        case .busy: self = .busy
        case .tooManyClients: self = .tooManyConnections
        case .protocolViolation: self = .protocolError
        case .command: self = .queryFailed
        case .internal: self = .internalError
        }
    }
}
