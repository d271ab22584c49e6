// SPDX-License-Identifier: Apache-2.0

/// The two messages of `grpc.health.v1`, in their frames: a byte for compression, four for the length, protobuf.
enum GRPCHealthMessage {
    enum Status: String, Hashable, CaseIterable {
        case unknown = "UNKNOWN"
        case serving = "SERVING"
        case notServing = "NOT_SERVING"
        case serviceUnknown = "SERVICE_UNKNOWN"
    }

    /// `HealthCheckRequest { string service = 1; }`.
    static func request(service: String) -> [UInt8] {
        var message: [UInt8] = []
        if !service.isEmpty {
            message.append(0x0a)
            var length = service.utf8.count
            while length > 0x7f {
                message.append(UInt8(length & 0x7f) | 0x80)
                length >>= 7
            }
            message.append(UInt8(length))
            message += Array(service.utf8)
        }
        let length = UInt32(clamping: message.count)
        return [0] + stride(from: 24, through: 0, by: -8).map { UInt8(length >> UInt32($0) & 0xff) } + message
    }

    /// `HealthCheckResponse { ServingStatus status = 1; }`; nil when the bytes are none.
    static func status(_ bytes: [UInt8]) -> Status? {
        guard bytes.count >= 5, bytes[0] == 0 else { return nil }
        let length = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count == 5 + length else { return nil }
        var position = 5
        var status = 0
        while position < bytes.count {
            guard let tag = varint(bytes, &position) else { return nil }
            switch tag & 7 {
            case 0:
                guard let value = varint(bytes, &position) else { return nil }
                if tag >> 3 == 1 { status = value }
            case 1: position += 8
            case 2:
                guard let length = varint(bytes, &position), length <= bytes.count - position else { return nil }
                position += length
            case 5: position += 4
            default: return nil
            }
            guard position <= bytes.count else { return nil }
        }
        switch status {
        case 1: return .serving
        case 2: return .notServing
        case 3: return .serviceUnknown
        default: return .unknown
        }
    }

    private static func varint(_ bytes: [UInt8], _ position: inout Int) -> Int? {
        var value = 0
        for shift in stride(from: 0, to: 56, by: 7) {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            value |= Int(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
