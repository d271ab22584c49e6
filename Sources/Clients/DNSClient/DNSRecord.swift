// SPDX-License-Identifier: Apache-2.0

/// What can be asked for.
package enum DNSRecordType: String, Hashable, Sendable, CaseIterable {
    case a = "A"
    case aaaa = "AAAA"
    case cname = "CNAME"
    case mx = "MX"
    case ns = "NS"
    case ptr = "PTR"
    case soa = "SOA"
    case srv = "SRV"
    case txt = "TXT"

    /// The number on the wire (RFC 1035 §3.2.2, RFC 3596, RFC 2782).
    var number: UInt16 {
        switch self {
        case .a: 1
        case .ns: 2
        case .cname: 5
        case .soa: 6
        case .ptr: 12
        case .mx: 15
        case .txt: 16
        case .aaaa: 28
        case .srv: 33
        }
    }
}

/// One record of an answer.
package enum DNSRecord: Hashable, Sendable {
    /// A numeric address, of either family.
    case address(String)
    case mailExchange(preference: UInt16, host: String)
    case service(priority: UInt16, weight: UInt16, port: UInt16, host: String)
    /// What an alias, a delegation or a pointer leads to.
    case name(String)
    case authority(primary: String, mailbox: String, serial: UInt32)
    /// The parts of a text, joined.
    case text(String)

    /// The data as zone files write it, and of an authority as far as its serial number.
    package var zoneText: String {
        switch self {
        case .address(let text), .name(let text), .text(let text): text
        case .mailExchange(let preference, let host): "\(preference) \(host)"
        case .service(let priority, let weight, let port, let host): "\(priority) \(weight) \(port) \(host)"
        case .authority(let primary, let mailbox, let serial): "\(primary) \(mailbox) \(serial)"
        }
    }
}

/// Why there is no answer; a closed set of words for labels.
package enum DNSFailure: String, Error, Hashable, Sendable, CaseIterable {
    /// The name does not exist.
    case notFound = "not_found"
    /// The server answered, and not with an answer.
    case serverFailure = "server_failure"
    case refused
    /// No server answered in time.
    case timeout
    /// What came is not DNS, or not what was asked.
    case malformed
    /// The name cannot be asked for.
    case invalidName = "invalid_name"
    /// No server could be reached at all.
    case unreachable
}
