// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reads how much memory this process uses.
public enum ProcessMemory {
    /// Resident and virtual memory from `/proc/self/statm`; nil where there is none.
    @Sendable
    public static func read() -> ProbeResponder.Memory? {
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
        let text = unsafe String(unsafeUninitializedCapacity: 128) { buffer in
            max(unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count), 0)
        }
        let fields = text.split(separator: " ").prefix(2).compactMap { Int64($0) }
        guard fields.count == 2 else { return nil }
        return ProbeResponder.Memory(
            residentBytes: fields[1].multipliedReportingOverflow(by: page).partialValue,
            virtualBytes: fields[0].multipliedReportingOverflow(by: page).partialValue
        )
    }
}
