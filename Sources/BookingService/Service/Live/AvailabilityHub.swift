// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle
import Synchronization

/// Tells open streams what has become free or taken.
///
/// Each stream has a small buffer. A client that reads too slowly loses the oldest entries and is told so by `resync`,
/// after which it should read the list again.
package final class AvailabilityHub: Service {
    /// What a stream carries.
    package enum Message: Sendable, Equatable {
        case change(AvailabilityChange)
        /// Entries were lost.
        case resync
        /// Nothing happened for a while; keeps proxies from closing the connection.
        case heartbeat
    }

    private struct Subscriber: Sendable {
        var venue: String
        var feed: AsyncStream<Message>.Continuation
    }

    private struct Contents: Sendable {
        var subscribers: [UInt64: Subscriber] = [:]
        var next: UInt64 = 0
        var isClosed = false
    }

    private static let buffer = 64
    private let limit: Int
    private let heartbeat: Duration
    private let metrics: BookingMetrics
    private let contents = Mutex(Contents())

    package init(limit: Int, heartbeat: Duration = .seconds(15), metrics: BookingMetrics) {
        self.limit = limit
        self.heartbeat = heartbeat
        self.metrics = metrics
    }

    /// Opens a stream about one venue; nil when there are too many, or the service stops.
    package func subscribe(venue: String) -> (id: UInt64, messages: AsyncStream<Message>)? {
        let (messages, feed) = AsyncStream.makeStream(of: Message.self, bufferingPolicy: .bufferingNewest(Self.buffer))
        let id = contents.withLock { contents -> UInt64? in
            guard !contents.isClosed, contents.subscribers.count < limit else { return nil }
            contents.next &+= 1
            contents.subscribers[contents.next] = Subscriber(venue: venue, feed: feed)
            return contents.next
        }
        guard let id else { return nil }
        metrics.streams(.availability, opened: 1)
        return (id, messages)
    }

    /// Ends a stream; doing so twice is harmless.
    package func unsubscribe(_ id: UInt64) {
        guard let subscriber = contents.withLock({ $0.subscribers.removeValue(forKey: id) }) else { return }
        subscriber.feed.finish()
        metrics.streams(.availability, opened: -1)
    }

    /// Sends a change to the streams of its venue.
    package func publish(_ change: AvailabilityChange) { send(.change(change)) { $0 == change.venueId } }

    /// Ends all streams and accepts no more.
    package func close() {
        let ids = contents.withLock { contents in
            contents.isClosed = true
            return Array(contents.subscribers.keys)
        }
        for id in ids { unsubscribe(id) }
    }

    /// Sends heart-beats until graceful shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await Task.sleep(for: self.heartbeat) } catch { break }
                self.send(.heartbeat) { _ in true }
            }
        }
        close()
    }

    private func send(_ message: Message, to isMeant: (String) -> Bool) {
        let feeds = contents.withLock { contents in
            contents.subscribers.values.filter { isMeant($0.venue) }.map(\.feed)
        }
        for feed in feeds {
            if case .dropped = feed.yield(message) {
                metrics.streamEntryDropped()
                feed.yield(.resync)
            }
        }
    }
}
