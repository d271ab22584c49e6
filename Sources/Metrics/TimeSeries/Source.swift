// SPDX-License-Identifier: Apache-2.0

/// Everything of one writer that the samples' lock guards.
@safe
final class Source {
    /// What stands at one position among the series of a source.
    @safe
    enum Lane {
        case free
        /// The source owns the series; rows are its own.
        case own(UnsafeMutablePointer<Column>)
        /// Another source owns the series: samples take the side road, with the timestamp of the commit.
        case foreign(slot: UInt32)
    }

    let number: UInt32
    let name: String
    var time: TimeColumn
    var lanes: [Lane] = []
    var freeLanes: [UInt32] = []
    /// Lanes whose series went away, or hold nothing any more and may go: the writer lets go of them at its next commit.
    var condemned: [UInt32] = []
    /// Where series of other sources are written by this one.
    var foreignLanes: [UInt32: UInt32] = [:]
    /// Columns anywhere that have rows of this source.
    var columns = 0
    var isRetired = false
    /// Commits refused one after the other because they were not later than the newest.
    var lateCommits = 0

    init(number: UInt32, name: String, firstRow: UInt32) {
        self.number = number
        self.name = name
        time = TimeColumn(firstRow: firstRow)
    }

    static let bytesPerLane = 40
    static let overhead = 512
}
