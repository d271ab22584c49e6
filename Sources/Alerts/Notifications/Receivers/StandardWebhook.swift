// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// Signs messages as Standard Webhooks 1.0 asks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
package enum StandardWebhook {
    /// The key bytes of a secret: base64 behind `whsec_`, otherwise the text itself; nil when the base64 is none.
    static func key(_ secret: Secret) -> [UInt8]? {
        let text = secret.reveal()
        guard text.hasPrefix("whsec_") else { return text.isEmpty ? nil : Array(text.utf8) }
        guard let key = Digest.fromBase64(String(text.dropFirst(6))), !key.isEmpty else { return nil }
        return key
    }

    /// `v1,<base64>` for each secret, space-separated.
    static func signature(id: String, unixSeconds: Int64, body: [UInt8], secrets: [Secret]) -> String {
        let message = Array("\(id).\(unixSeconds).".utf8) + body
        return secrets.compactMap { key($0) }.map { "v1," + Digest.base64(Digest.hmacSHA256(message, key: $0)) }
            .joined(separator: " ")
    }
}
