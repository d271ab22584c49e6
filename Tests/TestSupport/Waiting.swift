// SPDX-License-Identifier: Apache-2.0

/// Asks again and again until `condition` holds; false when it does not in time. For real processes only: what has a
/// clock of its own is tested without waiting.
package func waitUntil(
    deadline: Duration = .seconds(10),
    every interval: Duration = .milliseconds(10),
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + deadline
    while true {
        if try await condition() { return true }
        guard ContinuousClock.now < end else { return false }
        try? await Task.sleep(for: interval)
    }
}

/// What a helper could not do.
package struct TestSupportError: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}
