// SPDX-License-Identifier: Apache-2.0

package import TimeSeries

/// Keeps notifications of matching alerts from being created between two moments.
package struct Silence: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        case active, pending, expired
    }

    package var id: String
    package var matchers: [AlertMatcher]
    package var startsAt: Timestamp
    package var endsAt: Timestamp
    package var updatedAt: Timestamp
    package var createdBy: String
    package var comment: String
    package var annotations: Labels

    package init(
        id: String = "",
        matchers: [AlertMatcher],
        startsAt: Timestamp,
        endsAt: Timestamp,
        updatedAt: Timestamp = Timestamp(milliseconds: 0),
        createdBy: String,
        comment: String,
        annotations: Labels = Labels()
    ) {
        self.id = id
        self.matchers = matchers
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.updatedAt = updatedAt
        self.createdBy = createdBy
        self.comment = comment
        self.annotations = annotations
    }

    package func state(at now: Timestamp) -> State {
        if now < startsAt { return .pending }
        return now < endsAt ? .active : .expired
    }

    func matches(_ labels: Labels) -> Bool { matchers.matches(labels) }
}

/// Why a silence was refused.
package enum SilenceError: Error, Hashable, Sendable, CustomStringConvertible {
    case notFound(String)
    case alreadyExpired(String)
    case invalid(String)
    case tooMany

    package var description: String {
        switch self {
        case .notFound(let id): "silence \(id) not found"
        case .alreadyExpired(let id): "silence \(id) already expired"
        case .invalid(let message): "invalid silence: \(message)"
        case .tooMany: "too many silences: at most \(SilenceBook.limit)"
        }
    }
}
