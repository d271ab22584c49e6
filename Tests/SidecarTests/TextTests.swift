// SPDX-License-Identifier: Apache-2.0

import SidecarServer
import Testing
import TimeSeries

@Suite struct TextTests {
    @Test(
        arguments: [
            ("1725184800", 1_725_184_800_000), ("1725184800.123", 1_725_184_800_123), ("1e3", 1_000_000),
            ("-1.5", -1_500), ("1.0005", 1_000), ("1.0006", 1_001), ("1700000000.0004", 1_700_000_000_000),
            ("2026-09-01T10:00:00Z", 1_788_256_800_000), ("2026-09-01T10:00:00.5Z", 1_788_256_800_500),
            ("2026-09-01T12:00:00+02:00", 1_788_256_800_000), ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ] as [(String, Int64)]
    )
    func `times are read as the API takes them`(text: String, milliseconds: Int64) {
        #expect(TimeText.timestamp(text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "nan", "inf", "1e400", "2026-09-01", "2026-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2026-09-01T10:00:00",
        "2026-09-01T10:00:00.Z", "2026-09-01T10:00:00+2:00", "12:00", "1e30",
    ])
    func `anything else is no time`(text: String) {
        #expect(TimeText.timestamp(text) == nil)
    }

    @Test func `times are written so that they read back`() {
        for milliseconds in [0, 1, 999, -1, -1_500, 1_725_184_800_000, 1_725_184_800_120, -62_135_596_800_000]
            as [Int64]
        {
            let timestamp = Timestamp(milliseconds: milliseconds)
            #expect(TimeText.timestamp(TimeText.rfc3339(timestamp)) == timestamp)
            #expect(TimeText.timestamp(TimeText.seconds(timestamp)) == timestamp)
        }
        #expect(TimeText.seconds(Timestamp(milliseconds: 1_500)) == "1.5")
        #expect(TimeText.rfc3339(Timestamp(milliseconds: -62_135_596_800_000)) == "0001-01-01T00:00:00Z")
    }

    @Test func `forms are decoded`() throws {
        var parameters = Parameters()
        try parameters.append(encoded: "query=up%7Bjob%3D%22a+b%22%7D&match[]=a&match%5B%5D=b&empty=&=x&&c".utf8)
        #expect(parameters["query"] == #"up{job="a b"}"#)
        #expect(parameters.all("match[]") == ["a", "b"])
        #expect(parameters["empty"] == "")
        #expect(parameters["c"] == "")
        #expect(parameters[""] == "x")
    }

    @Test(arguments: ["a=%", "a=%4", "a=%zz", "a=%ff", String(repeating: "a&", count: 10_001)])
    func `malformed forms are refused`(text: String) {
        var parameters = Parameters()
        #expect(throws: Parameters.Invalid.self) { try parameters.append(encoded: text.utf8) }
    }

    @Test func `placeholders are replaced and their values never shown`() throws {
        let resolver = SecretResolver(
            environment: { ["PASS": "s3cret", "CREDENTIALS_DIRECTORY": "/creds"][$0] },
            file: { ["/creds/hook": Array("k€y\n".utf8), "/etc/bin": [0xff], "/etc/two": Array("a\n\n".utf8)][$0] }
        )
        #expect(try resolver.resolve("x${env:PASS}y${credential:hook}z") == "xs3cretyk€yz")
        #expect(try resolver.resolve("${1} $x ${other:a} ${file:/etc/two}") == "${1} $x ${other:a} a\n")
        for bad in [
            "${env:NONE}", "${file:/none}", "${credential:../x}", "${credential:}", "${file:/etc/bin}",
            "s3cret${env:PASS",
        ] {
            let failure = #expect(throws: SecretResolver.Failure.self) { try resolver.resolve(bad) }
            #expect(failure?.description.contains("s3cret") == false)
        }
    }
}
