// SPDX-License-Identifier: Apache-2.0

import CHiredis

/// hiredis' reply parser, with replies as values and a limit on what is buffered.
@safe final class RedisReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private let limit: Int
    private var buffered = 0

    /// - Parameter limit: bytes of one reply.
    init?(limit: Int) {
        guard let reader = unsafe chiredis_reader_create() else { return nil }
        unsafe self.reader = reader
        self.limit = limit
    }

    deinit {
        unsafe redisReaderFree(reader)
    }

    /// False when the peer sends something else, or too much.
    func feed(_ bytes: [UInt8]) -> Bool {
        buffered += bytes.count
        guard buffered <= limit else { return false }
        return unsafe bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return true }
            return unsafe redisReaderFeed(reader, base.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK
        }
    }

    /// The next whole reply; nil when more bytes are needed. Throws when the peer does not speak RESP.
    func next() throws(RedisFailure) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &reply) == REDIS_OK else { throw RedisFailure(.protocolViolation) }
        guard let reply = unsafe reply else { return nil }
        buffered = 0
        defer { unsafe freeReplyObject(reply) }
        return unsafe value(of: reply.assumingMemoryBound(to: redisReply.self), depth: 0)
    }

    private func value(of reply: UnsafeMutablePointer<redisReply>, depth: Int) -> RedisValue {
        let type = unsafe reply.pointee.type
        switch type {
        case REDIS_REPLY_INTEGER: return .integer(unsafe reply.pointee.integer)
        case REDIS_REPLY_STATUS: return .status(String(decoding: unsafe bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(String(decoding: unsafe bytes(of: reply).prefix(300), as: UTF8.self))
        case REDIS_REPLY_STRING: return .bytes(unsafe bytes(of: reply))
        case REDIS_REPLY_ARRAY:
            guard depth < 16, let elements = unsafe reply.pointee.element else { return .array([]) }
            var values: [RedisValue] = []
            for index in 0..<Int(unsafe reply.pointee.elements) {
                guard let element = unsafe elements[index] else { continue }
                values.append(unsafe value(of: element, depth: depth + 1))
            }
            return .array(values)
        default: return .null
        }
    }

    private func bytes(of reply: UnsafeMutablePointer<redisReply>) -> [UInt8] {
        guard let text = unsafe reply.pointee.str else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: text, count: Int(reply.pointee.len)))
    }
}
