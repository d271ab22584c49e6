// SPDX-License-Identifier: Apache-2.0

import CCurl
import Calendar

extension CurlEasy {
    /// Keeps the chain and the version of TLS for whoever asks afterwards.
    ///
    /// libcurl hands out the session only during a transfer and never for a stream; what it says about the handshake is
    /// said in both cases.
    func collectCertificates() {
        set(CURLOPT_CERTINFO, true)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        note(unsafe ccurl_set_debug(handle, commentArrived, context))
    }

    /// `SSL connection using TLSv1.3 / …`
    fileprivate func take(comment: UnsafeRawBufferPointer) {
        let start = Array("SSL connection using TLSv".utf8)
        guard comment.count > start.count, unsafe comment.prefix(start.count).elementsEqual(start) else { return }
        let number = unsafe comment.dropFirst(start.count).prefix { $0 > 32 }.prefix(8)
        tlsVersion = "TLS " + String(decoding: unsafe Array(number), as: UTF8.self)
    }

    /// The chain as libcurl describes it: for each certificate a list of `name:value`. Empty on a kept connection.
    func certificates() -> [HTTPCertificate] {
        var information: UnsafeMutablePointer<curl_certinfo>?
        guard unsafe ccurl_get_certificates(handle, &information) == CURLE_OK, let information = unsafe information
        else {
            return []
        }
        var certificates: [HTTPCertificate] = []
        for index in 0..<max(0, min(16, Int(unsafe information.pointee.num_of_certs))) {
            var certificate = HTTPCertificate()
            var entry = unsafe information.pointee.certinfo[index]
            while let current = unsafe entry {
                if let data = unsafe current.pointee.data { certificate.read(unsafe String(cString: data)) }
                unsafe entry = current.pointee.next
            }
            certificates.append(certificate)
        }
        return certificates
    }
}

private func commentArrived(
    _ handle: UnsafeMutableRawPointer?,
    _ kind: curl_infotype,
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard kind == CURLINFO_TEXT, let bytes = unsafe bytes, let context = unsafe context else { return 0 }
    let easy = unsafe Unmanaged<CurlEasy>.fromOpaque(context).takeUnretainedValue()
    unsafe easy.take(comment: UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

extension HTTPCertificate {
    mutating func read(_ line: String) {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return }
        let value = String(line[line.utf8.index(after: colon)...])
        switch line[..<colon] {
        case "Subject": subject = value
        case "Issuer": issuer = value
        case "Serial Number": serialNumber = value
        case "X509v3 Subject Alternative Name": alternativeNames = value
        case "Start date": notBefore = certificateTime(value)
        case "Expire date": notAfter = certificateTime(value)
        default: break
        }
    }
}

/// `Nov 21 01:33:00 2026 GMT` as Unix seconds.
func certificateTime(_ text: String) -> Int64? {
    let parts = text.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count >= 4, let day = Int(parts[1]), let year = Int(parts[3]) else { return nil }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let clock = parts[2].split(separator: ":").compactMap { Int($0) }
    guard let index = months.firstIndex(of: String(parts[0])), clock.count == 3, (1...31).contains(day),
        (1...9999).contains(year), clock.allSatisfy({ (0...60).contains($0) })
    else { return nil }
    return CivilTime(
        year: year,
        month: index + 1,
        day: day,
        hour: clock[0],
        minute: clock[1],
        second: clock[2]
    ).unixSeconds
}
