// SPDX-License-Identifier: Apache-2.0

/// syslog's priorities.
package enum JournalPriority: Int, Hashable, Sendable, CaseIterable {
    case emergency, alert, critical, error, warning, notice, info, debug
}

/// A structured journal entry. Names of fields are mapped to what journald accepts; see `JournalFieldName`.
package struct JournalEntry: Hashable, Sendable {
    package struct Field: Hashable, Sendable {
        package var name: JournalFieldName
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = JournalFieldName(name)
            self.value = value
        }
    }

    package var message: String
    package var priority: JournalPriority
    /// 32 lower-case hexadecimal digits, one for each kind of event; ignored when it is anything else.
    package var messageID: String?
    package var fields: [Field]

    package init(
        _ message: String,
        priority: JournalPriority = .info,
        messageID: String? = nil,
        fields: [Field] = []
    ) {
        self.message = message
        self.priority = priority
        self.messageID = messageID
        self.fields = fields
    }

    package init(
        _ message: String,
        priority: JournalPriority = .info,
        messageID: String? = nil,
        fields: KeyValuePairs<String, String>
    ) {
        self.init(message, priority: priority, messageID: messageID, fields: fields.map { Field($0.key, $0.value) })
    }

    /// The entry as `NAME=value` buffers of at most `limit` bytes in all; and whether something was cut.
    package func serialized(limit: Int) -> (fields: [[UInt8]], size: Int, isCut: Bool) {
        var buffers: [[UInt8]] = []
        var size = 0
        var isCut = false
        func add(_ name: String, _ value: String, reserve: Int = 0) {
            let room = limit - size - reserve - name.utf8.count - 1
            guard room > 0 else {
                isCut = true
                return
            }
            var bytes = Array(name.utf8)
            bytes.append(UInt8(ascii: "="))
            let start = bytes.count
            bytes.append(contentsOf: value.utf8.prefix(room))
            if bytes.count - start < value.utf8.count {
                isCut = true
                dropBrokenCharacter(&bytes, after: start)
            }
            size += bytes.count
            buffers.append(bytes)
        }
        add("PRIORITY", String(priority.rawValue))
        if let messageID, messageID.utf8.count == 32, messageID.utf8.allSatisfy(isLowercaseHex) {
            add("MESSAGE_ID", messageID)
        }
        // A long message leaves half of the room to the fields that say what it is about.
        add("MESSAGE", message, reserve: fields.isEmpty ? 0 : limit / 2)
        for field in fields { add(field.name.text, field.value) }
        return (buffers, size, isCut)
    }
}

private func isLowercaseHex(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
}

/// Removes the beginning of a UTF-8 sequence whose end was cut off.
private func dropBrokenCharacter(_ bytes: inout [UInt8], after start: Int) {
    var continuation = 0
    while continuation < 3, bytes.count - continuation > start, bytes[bytes.count - 1 - continuation] & 0xc0 == 0x80 {
        continuation += 1
    }
    guard bytes.count - continuation > start else { return }
    let lead = bytes[bytes.count - 1 - continuation]
    let expected = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0
    if expected > continuation { bytes.removeLast(continuation + 1) }
}
