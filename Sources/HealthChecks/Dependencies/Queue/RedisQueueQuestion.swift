// SPDX-License-Identifier: Apache-2.0

import JSONDocument
import RedisClient

/// A key that a queue consists of, and what its size means.
struct RedisQueueKey {
    let key: String
    let field: WritableKeyPath<QueueReading, Double?>

    static func all(_ source: QueueCheckConfiguration.RedisQueue) -> [RedisQueueKey] {
        let keys: [(String?, WritableKeyPath<QueueReading, Double?>)] = [
            (source.waiting, \.waiting), (source.active, \.active), (source.delayed, \.delayed),
            (source.failed, \.failed), (source.workers, \.workers),
        ]
        return keys.compactMap { key, field in key.map { RedisQueueKey(key: $0, field: field) } }
    }

    /// What to ask of a key of this type. A key that does not exist is an empty one.
    func questions(type: String, _ source: QueueCheckConfiguration.RedisQueue) -> [RedisQueueQuestion] {
        let isWaiting = key == source.waiting && field == \.waiting
        switch type {
        case "list":
            let size = RedisQueueQuestion(["LLEN", key], .size(field))
            guard isWaiting, let member = source.time else { return [size] }
            // Whichever end the workers take from: the older one counts.
            return [
                size, RedisQueueQuestion(["LINDEX", key, "0"], .element(member)),
                RedisQueueQuestion(["LINDEX", key, "-1"], .element(member)),
            ]
        case "zset":
            let size = RedisQueueQuestion(["ZCARD", key], .size(field))
            guard isWaiting, let time = source.time else { return [size] }
            let meaning: RedisQueueQuestion.Meaning = time == "score" ? .score : .element(time)
            return [size, RedisQueueQuestion(["ZRANGE", key, "0", "0", "WITHSCORES"], meaning)]
        case "stream":
            if isWaiting, let group = source.group {
                return [RedisQueueQuestion(["XINFO", "GROUPS", key], .groups(key: key, group: group))]
            }
            let size = RedisQueueQuestion(["XLEN", key], .size(field))
            guard isWaiting else { return [size] }
            return [size, RedisQueueQuestion(["XRANGE", key, "-", "+", "COUNT", "1"], .entry)]
        case "set": return [RedisQueueQuestion(["SCARD", key], .size(field))]
        case "hash": return [RedisQueueQuestion(["HLEN", key], .size(field))]
        case "string": return [RedisQueueQuestion(["GET", key], .size(field))]
        default: return [RedisQueueQuestion(["EXISTS", key], .size(field))]
        }
    }
}

/// A command, and how its reply is to be read.
struct RedisQueueQuestion {
    enum Meaning {
        case size(WritableKeyPath<QueueReading, Double?>)
        /// A job in JSON, with the name of the member that tells its time.
        case element(String)
        /// The first element of a sorted set with its score, which is its time.
        case score
        /// The first entry of a stream, whose id begins with its time.
        case entry
        case groups(key: String, group: String)
    }

    let command: [String]
    private let meaning: Meaning

    init(_ command: [String], _ meaning: Meaning) {
        self.command = command
        self.meaning = meaning
    }

    /// - Returns: what has to be asked because of the answer.
    func take(
        _ reply: RedisValue,
        into reading: inout QueueReading,
        _ source: QueueCheckConfiguration.RedisQueue,
        now: Double
    ) -> [RedisQueueQuestion] {
        switch meaning {
        case .size(let field): reading[keyPath: field] = reply.text.flatMap { Double($0) }
        case .element(let member):
            let text = reply.text ?? reply.array?.first?.text
            note(text.flatMap { Self.time(member: member, of: $0) }, &reading, now)
        case .score:
            let values = reply.array ?? []
            note(values.count > 1 ? values[1].text.flatMap { Double($0) } : nil, &reading, now)
        case .entry:
            let id = reply.array?.first?.array?.first?.text
            note(id.flatMap(Self.time(streamID:)), &reading, now)
        case .groups(let key, let group): return groups(reply, key: key, group: group, into: &reading)
        }
        return []
    }

    private func groups(
        _ reply: RedisValue,
        key: String,
        group: String,
        into reading: inout QueueReading
    ) -> [RedisQueueQuestion] {
        for entry in reply.array ?? [] {
            let parts = entry.array ?? []
            var values: [String: RedisValue] = [:]
            for index in stride(from: 0, to: parts.count - 1, by: 2) {
                values[parts[index].text ?? ""] = parts[index + 1]
            }
            guard values["name"]?.text == group else { continue }
            reading.waiting = values["lag"]?.integer.map { Double($0) }
            if reading.active == nil { reading.active = values["pending"]?.integer.map { Double($0) } }
            if reading.workers == nil { reading.workers = values["consumers"]?.integer.map { Double($0) } }
            guard reading.waiting != 0, let last = values["last-delivered-id"]?.text else { return [] }
            return [RedisQueueQuestion(["XRANGE", key, "(" + last, "+", "COUNT", "1"], .entry)]
        }
        // A group that nobody has made yet has been given nothing.
        return [RedisQueueQuestion(["XLEN", key], .size(\.waiting))]
    }

    private func note(_ time: Double?, _ reading: inout QueueReading, _ now: Double) {
        guard let time, time.isFinite else { return }
        let seconds = time > 1e11 ? time / 1_000 : time
        reading.oldestSeconds = max(reading.oldestSeconds ?? 0, now - seconds)
    }

    private static func time(member: String, of text: String) -> Double? {
        // A job that is no JSON has no time; that is no fault of the queue.
        (try? JSONValue(parsing: Array(text.utf8)))?[member]?.number
    }

    private static func time(streamID: String) -> Double? {
        Double(streamID.prefix { $0 != "-" }).map { $0 / 1_000 }
    }
}
