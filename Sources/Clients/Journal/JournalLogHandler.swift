// SPDX-License-Identifier: Apache-2.0

package import Logging

/// A swift-log handler that sends structured entries to journald: metadata become fields (`http.route` → `HTTP_ROUTE`).
package struct JournalLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let identifier: String
    private let writer: JournalWriter

    /// - Parameter identifier: `SYSLOG_IDENTIFIER`, what `journalctl -t` selects.
    package init(label: String, identifier: String, writer: JournalWriter, logLevel: Logger.Level = .info) {
        self.label = label
        self.identifier = identifier
        self.writer = writer
        self.logLevel = logLevel
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields: [JournalEntry.Field] = [
            .init("SYSLOG_IDENTIFIER", identifier), .init("LOGGER", label), .init("CODE_FILE", event.file),
            .init("CODE_LINE", String(event.line)), .init("CODE_FUNC", event.function),
        ]
        for (key, value) in flatten(metadata, metadataProvider, event)
        where !reserved.contains(JournalFieldName(key).text) {
            fields.append(.init(key, value))
        }
        writer.send(JournalEntry(event.message.description, priority: priority(of: event.level), fields: fields))
    }

    private func priority(of level: Logger.Level) -> JournalPriority {
        switch level {
        case .trace, .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}

/// Fields that metadata may not forge.
private let reserved: Set<String> = [
    "MESSAGE", "PRIORITY", "MESSAGE_ID", "SYSLOG_IDENTIFIER", "LOGGER", "CODE_FILE", "CODE_LINE", "CODE_FUNC",
]
