// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// `storage:` — where samples and alert states are kept, and how much of them.
package struct StorageConfiguration: Sendable, Equatable {
    /// nil: `$STATE_DIRECTORY`, else `./sidecar-data`.
    package var path: String?
    package var retention = Duration.seconds(6 * 3_600)
    /// Bytes of memory that samples, labels and index may take; retention shrinks below it. nil: `MachineMemory` says.
    package var memory: Int?
    package var maximumSeries = 500_000

    package init() {}

    package init(_ reader: YAMLMappingReader) {
        path = reader.string("path")
        retention = reader.duration("retention", atLeast: .seconds(10)) ?? retention
        memory = reader.bytes("memory", in: (4 << 20)...(1 << 40))
        maximumSeries = reader.integer("series", in: 1...100_000_000) ?? maximumSeries
        reader.finish()
    }
}
