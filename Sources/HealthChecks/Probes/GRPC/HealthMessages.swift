// SPDX-License-Identifier: Apache-2.0

/// The three messages of `grpc.health.v1`, small enough to be written and read by hand.
enum HealthMessages {
    /// The name in a `HealthCheckRequest`: field 1, the last one when it is repeated; unknown fields are skipped.
    ///
    /// - Returns: nil when the bytes are no such message.
    static func service(inRequest bytes: some Collection<UInt8>) -> String? {
        var rest = bytes[...]
        var service = ""
        while !rest.isEmpty {
            guard let key = varint(&rest) else { return nil }
            switch key & 7 {
            case 0:
                guard varint(&rest) != nil else { return nil }
            case 1, 5:
                let width = key & 7 == 1 ? 8 : 4
                guard rest.count >= width else { return nil }
                rest = rest.dropFirst(width)
            case 2:
                guard let length = varint(&rest), length <= UInt64(rest.count) else { return nil }
                let count = Int(length)
                if key >> 3 == 1 {
                    guard let text = String(validating: rest.prefix(count), as: UTF8.self) else { return nil }
                    service = text
                }
                rest = rest.dropFirst(count)
            default:
                return nil
            }
        }
        return service
    }

    /// A `HealthCheckResponse`; the status 0 is left out, as proto3 does.
    static func response(_ status: ServingStatus) -> [UInt8] {
        status == .unknown ? [] : [0x08, status.rawValue]
    }

    /// A `HealthListResponse`: a map from names to responses, field 1.
    static func list(_ statuses: [(service: String, status: ServingStatus)]) -> [UInt8] {
        var message: [UInt8] = []
        for (service, status) in statuses {
            let value = response(status)
            var entry: [UInt8] = []
            append(field: 1, Array(service.utf8), to: &entry)
            append(field: 2, value, to: &entry)
            append(field: 1, entry, to: &message)
        }
        return message
    }

    private static func append(field: UInt8, _ bytes: [UInt8], to message: inout [UInt8]) {
        message.append(field << 3 | 2)
        var length = UInt64(bytes.count)
        while length >= 0x80 {
            message.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        message.append(UInt8(truncatingIfNeeded: length))
        message += bytes
    }

    private static func varint<Bytes: Collection<UInt8>>(_ rest: inout Bytes) -> UInt64?
    where Bytes.SubSequence == Bytes {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) &<< UInt64(shift)
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
