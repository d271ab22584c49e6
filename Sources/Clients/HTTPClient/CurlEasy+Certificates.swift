// SPDX-License-Identifier: Apache-2.0

import CCurl

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
    guard parts.count >= 4, let day = Int64(parts[1]), let year = Int64(parts[3]) else { return nil }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let clock = parts[2].split(separator: ":").compactMap { Int64($0) }
    guard let index = months.firstIndex(of: String(parts[0])), clock.count == 3, (1...31).contains(day),
        (1...9999).contains(year), clock.allSatisfy({ (0...60).contains($0) })
    else { return nil }
    // Days since 1970 in the civil calendar, counted from March so that the leap day comes last.
    let month = Int64(index) + 1
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return days * 86_400 + clock[0] * 3_600 + clock[1] * 60 + clock[2]
}
