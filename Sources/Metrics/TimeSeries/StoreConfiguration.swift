// SPDX-License-Identifier: Apache-2.0

/// The limits of a store; every one of them holds whatever is written.
package struct StoreConfiguration: Sendable {
    /// Samples older than this are dropped.
    package var retention: Duration = .seconds(6 * 3600)
    /// Bytes for samples, labels and index together; retention shrinks below it, oldest samples first.
    package var memoryLimit = 64 << 20
    package var maximumSeries = 500_000
    /// How far an explicit timestamp may lie before and after its commit.
    package var oldestExplicitAge: Duration = .seconds(3600)
    package var newestExplicitLead: Duration = .seconds(600)

    package init() {}
}
