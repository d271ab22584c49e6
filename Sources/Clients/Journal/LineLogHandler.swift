// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Logging

/// A swift-log handler that writes one line an event, as JSON or logfmt, with the time in UTC.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: LogFormat
    private let writer: LineWriter

    package init(label: String, format: LogFormat, writer: LineWriter, logLevel: Logger.Level = .info) {
        self.label = label
        self.format = format
        self.writer = writer
        self.logLevel = logLevel
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = LogLine(
            time: currentTimeText(),
            level: event.level,
            label: label,
            message: event.message.description,
            metadata: flatten(metadata, metadataProvider, event)
        )
        writer.write(line.render(format))
    }
}

/// What is known of an event, sorted by key; the event's own values win.
func flatten(
    _ metadata: Logger.Metadata,
    _ provider: Logger.MetadataProvider?,
    _ event: LogEvent
) -> [(key: String, value: String)] {
    var merged = metadata
    if let provider { merged.merge(provider.get()) { $1 } }
    if let own = event.metadata { merged.merge(own) { $1 } }
    if let error = event.error { merged["error"] = "\(error)" }
    return merged.map { ($0.key, $0.value.description) }.sorted { $0.key < $1.key }
}

/// `2026-11-21T01:33:00.123Z`.
private func currentTimeText() -> String {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    var parts = unsafe tm()
    unsafe gmtime_r(&now.tv_sec, &parts)
    func digits(_ value: Int, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
    let year = unsafe Int(parts.tm_year) + 1900, month = unsafe Int(parts.tm_mon) + 1, day = unsafe Int(parts.tm_mday)
    let hour = unsafe Int(parts.tm_hour), minute = unsafe Int(parts.tm_min), second = unsafe Int(parts.tm_sec)
    return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(digits(hour, 2)):\(digits(minute, 2)):"
        + "\(digits(second, 2)).\(digits(now.tv_nsec / 1_000_000, 3))Z"
}
