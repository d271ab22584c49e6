// SPDX-License-Identifier: Apache-2.0

import CCurl
import Calendar

extension CurlEasy {
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
