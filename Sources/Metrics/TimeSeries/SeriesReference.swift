// SPDX-License-Identifier: Apache-2.0

/// Names a series inside one store. Worth keeping by whoever writes it again; a series that was dropped meanwhile is
/// recognised by its generation and refused.
package struct SeriesReference: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32
    /// The position among the series of the appender that made it.
    let lane: UInt32
}

/// A series that a selection found.
package struct SeriesHandle: Sendable {
    package let reference: SeriesReference
    package let labels: Labels
}
