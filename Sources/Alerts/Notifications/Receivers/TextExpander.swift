// SPDX-License-Identifier: Apache-2.0

/// Expands the texts of one notification. A template that fails must not lose the alert: its text becomes a plain one
/// that says what fires, and the failure is kept for the history.
struct TextExpander {
    private let templates: NotificationTemplates
    private let notification: AlertNotification
    private(set) var failures: [String] = []

    init(_ templates: NotificationTemplates, _ notification: AlertNotification) {
        self.templates = templates
        self.notification = notification
    }

    mutating func expand(_ text: String, escapesHTML: Bool = false) -> String {
        do {
            return try templates.expand(text, notification, escapesHTML: escapesHTML)
        } catch {
            if failures.count < 8 { failures.append(error.description) }
            return plainText
        }
    }

    private var plainText: String {
        let names = Set(notification.entries.map(\.alert.name)).sorted().prefix(10).joined(separator: ", ")
        return "[\(notification.status.rawValue.uppercased())] \(names) (template failed)"
    }
}
