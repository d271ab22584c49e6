// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Bytes of a body whose length was not known beforehand.
final class ByteCount: Sendable {
    private let total = Atomic<Int>(0)

    var value: Int { total.load(ordering: .relaxed) }

    func add(_ count: Int) { total.wrappingAdd(count, ordering: .relaxed) }
}
