// SPDX-License-Identifier: Apache-2.0

import TimeSeries

/// One change for the store. Changes are gathered while the engine works and written in one transaction before
/// anybody acts on them.
enum StorageOperation {
    case saveAlert(Alert)
    case deleteAlert(UInt64)
    case saveLog(LogKey, NotificationLogEntry)
    case deleteLog(LogKey)
    case addItem(OutboxItem)
    case updateItem(OutboxItem)
    case deleteItem(Int64)
    case saveSilence(Silence)
    case deleteSilence(String)
    case record(HistoryRecord)
    case saveReceipt(Int64)
}

/// What the store kept.
struct StoredState {
    var alerts: [Alert] = []
    var log: [(key: LogKey, entry: NotificationLogEntry)] = []
    var items: [OutboxItem] = []
    var deadLetters: [OutboxItem] = []
    var silences: [Silence] = []
    /// The number of the last news of the rules.
    var receipt: Int64 = 0
    /// Rows that could not be read.
    var damaged = 0
}
