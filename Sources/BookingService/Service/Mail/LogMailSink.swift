// SPDX-License-Identifier: Apache-2.0

package import Logging

/// Writes a line for each mail instead of sending it; the address is left out.
package struct LogMailSink: MailSink {
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    package func deliver(_ mail: Mail) async -> MailOutcome {
        logger.debug("mail not sent: no mail server is configured", metadata: ["subject": .string(mail.subject)])
        return .delivered
    }
}
