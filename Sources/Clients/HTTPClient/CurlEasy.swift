// SPDX-License-Identifier: Apache-2.0

import CCurl

/// An easy handle with its error buffer and the lists that libcurl borrows. Reused between transfers; its connections
/// belong to the multi handle and survive.
@safe final class CurlEasy {
    /// Bytes that libcurl reads at once.
    static let bufferSize = 64 << 10

    let handle: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private var lists: [CurlList] = []
    /// The first option that libcurl refused.
    private(set) var refused: CURLcode = CURLE_OK
    /// `TLS 1.3`, when a handshake was made since the last `reset` and the certificates are collected.
    var tlsVersion: String?

    init?() {
        guard let handle = unsafe curl_easy_init() else { return nil }
        unsafe self.handle = handle
        unsafe errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe errorText.deallocate()
    }

    /// Back to libcurl's defaults; not while a transfer is under way.
    func reset() {
        unsafe curl_easy_reset(handle)
        lists = []
        refused = CURLE_OK
        tlsVersion = nil
        unsafe errorText.pointee = 0
        note(unsafe ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText))
    }

    var address: UInt { unsafe UInt(bitPattern: handle) }

    func set(_ option: CURLoption, _ value: Int) {
        note(unsafe ccurl_set_long(handle, option, value))
    }

    func set(_ option: CURLoption, _ value: Bool) {
        note(unsafe ccurl_set_long(handle, option, value ? 1 : 0))
    }

    func set(_ option: CURLoption, _ value: String) {
        note(unsafe ccurl_set_text(handle, option, value))
    }

    func setLarge(_ option: CURLoption, _ value: Int) {
        note(unsafe ccurl_set_large(handle, option, curl_off_t(value)))
    }

    /// Copies text that stands for a file.
    func setBlob(_ option: CURLoption, _ text: String) {
        var text = text
        note(text.withUTF8 { bytes in unsafe ccurl_set_blob(handle, option, bytes.baseAddress, bytes.count) })
    }

    /// Copies `body` into libcurl.
    func setBody(_ body: [UInt8]) {
        setLarge(CURLOPT_POSTFIELDSIZE_LARGE, body.count)
        let code = unsafe body.withUnsafeBytes { bytes in
            // An empty body is one, too: without an address libcurl would read from standard input.
            guard let base = bytes.baseAddress else { return unsafe ccurl_set_text(handle, CURLOPT_COPYPOSTFIELDS, "") }
            return unsafe ccurl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, base)
        }
        note(code)
    }

    /// Hands over a list that lives until the next `reset`.
    func set(_ option: CURLoption, _ lines: [String]) {
        let list = CurlList(lines)
        lists.append(list)
        note(unsafe ccurl_set_list(handle, option, list.head))
    }

    func note(_ code: CURLcode) {
        if refused == CURLE_OK { refused = code }
    }

    func long(_ info: CURLINFO) -> Int {
        var value = 0
        return unsafe ccurl_get_long(handle, info, &value) == CURLE_OK ? value : 0
    }

    func microseconds(_ info: CURLINFO) -> Duration {
        .microseconds(large(info))
    }

    func large(_ info: CURLINFO) -> Int64 {
        var value: curl_off_t = 0
        return unsafe ccurl_get_large(handle, info, &value) == CURLE_OK ? Int64(value) : 0
    }

    func text(_ info: CURLINFO) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard unsafe ccurl_get_text(handle, info, &value) == CURLE_OK, let value = unsafe value else { return nil }
        return unsafe String(cString: value)
    }

    /// The connection that the last transfer used and left open.
    var activeSocket: Int32? {
        var socket: curl_socket_t = -1
        return unsafe ccurl_get_socket(handle, &socket) == CURLE_OK && socket >= 0 ? socket : nil
    }

    /// libcurl's words about the last failure, or its general ones.
    func failureText(for code: CURLcode) -> String {
        var text = unsafe String(cString: errorText)
        // Whatever looks like a part of a URL may carry a secret.
        if text.isEmpty || text.utf8.contains(where: { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "?") }) {
            text = unsafe String(cString: curl_easy_strerror(code))
        }
        return String(decoding: text.utf8.prefix(256), as: UTF8.self)
    }
}

/// A list of lines that libcurl borrows; freed with its owner.
@safe final class CurlList {
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    init(_ lines: [String]) {
        for line in lines {
            // Without memory the list stays shorter; the process will not live long enough to send it.
            if let extended = unsafe curl_slist_append(head, line) { unsafe head = extended }
        }
    }

    deinit {
        unsafe curl_slist_free_all(head)
    }
}
