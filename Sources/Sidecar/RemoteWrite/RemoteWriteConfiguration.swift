// SPDX-License-Identifier: Apache-2.0

package import HTTPClient

/// One receiver of `remote_write`, in Prometheus's words and with its defaults.
package struct RemoteWriteConfiguration: Sendable {
    package struct Queue: Sendable, Equatable {
        /// Samples that a shard may hold in memory while the disk refuses.
        package var capacity = 10_000
        package var minimumShards = 1
        package var maximumShards = 50
        package var samplesPerSend = 2_000
        package var batchDeadline = Duration.seconds(5)
        package var minimumBackoff = Duration.milliseconds(30)
        package var maximumBackoff = Duration.seconds(5)
        /// Unlike Prometheus's default: who asks for patience gets it, and the queue is there to give it.
        package var retriesOn429 = true
        /// Zero sends samples of any age.
        package var sampleAgeLimit = Duration.zero
        /// Bytes on disk; the oldest samples go when it is full.
        package var diskLimit = 256 << 20

        package init() {}
    }

    package struct Metadata: Sendable, Equatable {
        package var isSent = true
        package var interval = Duration.seconds(60)
        package var entriesPerSend = 2_000

        package init() {}
    }

    package var url: String
    /// Names the receiver in metrics and on disk; made of the URL when not given.
    package var name: String
    package var timeout = Duration.seconds(30)
    package var headers: [(name: String, value: String)] = []
    package var authorization: HTTPRequest.Authorization?
    package var tls = TLSOptions()
    package var proxy: String?
    package var sendsNativeHistograms = false
    package var queue = Queue()
    package var metadata = Metadata()

    package init(url: String, name: String = "") {
        self.url = url
        self.name = name.isEmpty ? Self.name(for: url) : name
    }

    /// Six digits, always the same for one URL, which they do not give away.
    static func name(for url: String) -> String {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in url.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        let digits = String((hash ^ hash >> 24) & 0xff_ffff, radix: 16)
        return String(repeating: "0", count: 6 - digits.utf8.count) + digits
    }

    /// The URL without what may be secret: user, password and query.
    package var shownURL: String {
        var text = Substring(url)
        if let end = text.firstIndex(where: { $0 == "?" || $0 == "#" }) { text = text[..<end] }
        guard let scheme = text.range(of: "//") else { return String(text) }
        let rest = text[scheme.upperBound...]
        let authority = rest[..<(rest.firstIndex(of: "/") ?? rest.endIndex)]
        guard let at = authority.lastIndex(of: "@") else { return String(text) }
        return String(text[..<scheme.upperBound]) + String(rest[rest.index(after: at)...])
    }

    /// The folder of the queue, below the one for all receivers.
    package var folder: String {
        let isPlain = name.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                || byte == 95
        }
        return isPlain && name.utf8.count <= 64 ? name : Self.name(for: name)
    }
}

extension Substring {
    fileprivate func range(of word: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(word) { return start..<index(start, offsetBy: word.count) }
            start = index(after: start)
        }
        return nil
    }
}
