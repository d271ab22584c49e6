// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The process's own use of the machine, from `/proc/self`. What cannot be read is 0.
struct ProcessReading {
    var cpuSeconds = 0.0
    var residentBytes = 0.0
    var virtualBytes = 0.0
    var openDescriptors = 0.0
    var maximumDescriptors = 0.0
    var threads = 0.0

    static func current() -> ProcessReading {
        var reading = ProcessReading()
        // Fields after the name, which may hold spaces, begin behind its closing parenthesis.
        if let text = read("/proc/self/stat"), let end = text.lastIndex(of: ")") {
            let fields = text[text.index(after: end)...].split(separator: " ")
            let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
            func field(_ index: Int) -> Double { fields.indices.contains(index) ? Double(fields[index]) ?? 0 : 0 }
            reading.cpuSeconds = (field(11) + field(12)) / ticks
            reading.threads = field(17)
            reading.virtualBytes = field(20)
            reading.residentBytes = field(21) * Double(max(1, sysconf(Int32(_SC_PAGESIZE))))
        }
        if let directory = unsafe opendir("/proc/self/fd") {
            var count = 0
            while unsafe readdir(directory) != nil { count += 1 }
            unsafe closedir(directory)
            // `.`, `..` and the directory itself.
            reading.openDescriptors = Double(max(0, count - 3))
        }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            reading.maximumDescriptors = Double(limit.rlim_cur)
        }
        return reading
    }

    private static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
