// SPDX-License-Identifier: Apache-2.0

/// What goes wrong in a registry: each is counted, and logged the first time for its family.
enum RegistryEvent: Sendable {
    /// The same name with another kind, other labels, buckets, unit or help.
    case conflict(family: String, what: String)
    /// A name, label name or bucket list that no format can carry.
    case invalid(family: String, what: String)
    /// A label set beyond the cap.
    case seriesDropped(family: String, limit: Int)
    /// A callback that took longer than its budget.
    case callbackOverrun(family: String)
}
