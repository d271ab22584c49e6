// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Objects found by a hash, which are added and never taken away. Finding one takes no lock, allocates nothing and
/// writes nothing, reference counts included, so that threads that serve requests share no memory that changes.
///
/// What is found lives as long as the table; who uses it keeps the table alive.
@safe
final class PublishedTable<Element: AnyObject & Sendable>: Sendable {
    /// Open addressing: a power of two of places, at most half of them used; a hash of zero marks a free one.
    @safe
    private final class Places: Sendable {
        /// A hash and its element, side by side: one line of a processor's cache holds both.
        @safe
        private struct Place: ~Copyable {
            let hash = Atomic<UInt64>(0)
            var element: Unmanaged<Element>?
        }

        // Invariant: a hash is stored after its element, and nothing is written over.
        private nonisolated(unsafe) let places: UnsafeMutablePointer<Place>
        let mask: Int

        init(capacity: Int) {
            unsafe places = .allocate(capacity: capacity)
            for index in 0..<capacity { unsafe (places + index).initialize(to: Place()) }
            mask = capacity &- 1
        }

        deinit { unsafe places.deallocate() }

        /// The caller is the only writer, and keeps the element.
        func place(_ element: Element, _ hash: UInt64) {
            var position = Int(truncatingIfNeeded: hash &>> 1) & mask
            while unsafe places[position].hash.load(ordering: .relaxed) != 0 { position = (position + 1) & mask }
            unsafe places[position].element = .passUnretained(element)
            unsafe places[position].hash.store(hash, ordering: .releasing)
        }

        @inline(__always)
        func find(_ hash: UInt64, _ matches: (Element) -> Bool) -> Unmanaged<Element>? {
            var position = Int(truncatingIfNeeded: hash &>> 1) & mask
            while true {
                let found = unsafe places[position].hash.load(ordering: .acquiring)
                if found == hash, let element = unsafe places[position].element,
                    unsafe element._withUnsafeGuaranteedRef(matches)
                {
                    return unsafe element
                }
                if found == 0 { return nil }
                position = (position &+ 1) & mask
            }
        }
    }

    private struct Owned {
        var elements: [(element: Element, hash: UInt64)] = []
        /// Readers may still be looking at the old ones. Each is half of the next, so they take little.
        var places: [Places]
    }

    // Invariant: points to the last of `owned.places`, which live as long as the table.
    private let current: Atomic<Unmanaged<Places>>
    private let owned: Mutex<Owned>
    private let limit: Int

    /// Creates an empty table.
    /// - Parameter limit: objects that are added, those aside that must be.
    init(limit: Int) {
        self.limit = limit
        let places = Places(capacity: 8)
        unsafe current = Atomic(.passUnretained(places))
        owned = Mutex(Owned(places: [places]))
    }

    /// Whether only what must be is added.
    var isFull: Bool { owned.withLock { $0.elements.count >= limit } }

    /// The object that has this hash and matches.
    @inline(__always)
    func find(_ hash: UInt64, _ matches: (Element) -> Bool) -> Unmanaged<Element>? {
        unsafe current.load(ordering: .acquiring)._withUnsafeGuaranteedRef { unsafe $0.find(hash | 1, matches) }
    }

    /// Adds an object unless another thread was faster.
    /// - Parameter always: whether it is added to a full table too.
    /// - Returns: the object to use; nil when the table is full.
    func add(
        _ element: Element,
        _ hash: UInt64,
        always: Bool,
        _ matches: (Element) -> Bool
    ) -> Unmanaged<Element>? {
        unsafe owned.withLock { owned in
            if let known = unsafe find(hash, matches) { return unsafe known }
            guard always || owned.elements.count < limit, var places = owned.places.last else { return nil }
            if owned.elements.count * 2 > places.mask {
                places = Places(capacity: (places.mask + 1) * 2)
                for (element, hash) in owned.elements { places.place(element, hash) }
                owned.places.append(places)
                unsafe current.store(.passUnretained(places), ordering: .releasing)
            }
            places.place(element, hash | 1)
            owned.elements.append((element, hash | 1))
            return unsafe .passUnretained(element)
        }
    }
}
