// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whole writes to the standard streams and whole reads of files, by bytes.
enum Output {
    enum Stream: Int32 {
        case standardOutput = 1
        case standardError = 2
    }

    static func write(_ text: String, to stream: Stream = .standardOutput) { write(Array(text.utf8), to: stream) }

    static func write(_ bytes: [UInt8], to stream: Stream = .standardOutput) {
        var offset = 0
        while offset < bytes.count {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    stream.rawValue,
                    buffer.baseAddress.map { unsafe $0 + offset },
                    buffer.count - offset
                )
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            offset += written
        }
    }
}

/// A file that cannot be read, and why.
struct FileError: Error, CustomStringConvertible {
    let path: String
    let code: Int32

    var description: String { "\(path): \(unsafe String(cString: strerror(code)))" }
}

enum Input {
    /// The whole of a file; `-` is standard input.
    static func read(_ path: String) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        try read(path) { chunk in
            for index in chunk.indices { bytes.append(chunk[index]) }
        }
        return bytes
    }

    /// A file piece by piece; `-` is standard input.
    static func read(_ path: String, _ body: (Span<UInt8>) -> Void) throws(FileError) {
        let descriptor = path == "-" ? 0 : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: path, code: errno) }
        defer { if descriptor != 0 { close(descriptor) } }
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path: path, code: errno) }
            if count == 0 { return }
            body(chunk.span.extracting(first: count))
        }
    }
}
