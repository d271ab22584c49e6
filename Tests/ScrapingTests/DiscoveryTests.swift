// SPDX-License-Identifier: Apache-2.0

import DNSClient
import Scraping
import Synchronization
import TestSupport
import Testing

@Suite struct DiscoveryTests {
    /// A disk in memory, whose files change their signature with each write.
    private final class FakeDisk: Sendable {
        private struct File {
            var text: String?
            var version: Int64
        }

        private let files = Mutex<[String: File]>([:])
        let reads = Mutex(0)

        func write(_ path: String, _ text: String?) {
            files.withLock { $0[path] = File(text: text, version: ($0[path]?.version ?? 0) + 1) }
        }

        func remove(_ path: String) { files.withLock { $0[path] = nil } }

        var disk: FileDiscovery.Disk {
            FileDiscovery.Disk(
                expand: { [self] pattern in
                    let start = pattern.prefix { $0 != "*" }
                    return files.withLock { $0.keys.filter { $0.hasPrefix(start) }.sorted() }
                },
                signature: { [self] path in
                    files.withLock { files in
                        files[path].map { .init(device: 1, inode: 1, size: 0, modified: $0.version) }
                    }
                },
                read: { [self] path in
                    reads.withLock { $0 += 1 }
                    return files.withLock { $0[path]?.text.map { Array($0.utf8) } }
                }
            )
        }
    }

    private func targets(_ result: DiscoveryResult?) -> [String] { result?.groups.flatMap(\.targets) ?? [] }

    @Test
    func `files are read when they change, a broken one keeps its targets, and one that is gone takes them along`()
        throws
    {
        let fake = FakeDisk()
        fake.write("/t/a.json", #"[{"targets":["one:1","two:2"],"labels":{"env":"x"}},{"targets":["three:3"]}]"#)
        fake.write("/t/b.yml", "- targets: [ four:4 ]\n  labels: { n: 5 }\n")
        let discovery = FileDiscovery(.init(patterns: ["/t/*", "/plain.yml"]), disk: fake.disk)
        let first = try #require(discovery.look(isFull: true))
        #expect(targets(first) == ["one:1", "two:2", "three:3", "four:4"])
        #expect(first.groups[0].labels == ["env": "x", "__meta_filepath": "/t/a.json"])
        #expect(first.groups[2].labels == ["n": "5", "__meta_filepath": "/t/b.yml"])
        #expect(first.failures.map(\.reason) == ["missing"])
        #expect(fake.reads.withLock { $0 } == 2)
        #expect(discovery.look(isFull: false) == nil)
        #expect(fake.reads.withLock { $0 } == 2, "what has not changed is not read")

        fake.write("/t/a.json", #"[{"targets":["one:1"],"lables":{}}]"#)
        let broken = try #require(discovery.look(isFull: false))
        #expect(targets(broken) == ["one:1", "two:2", "three:3", "four:4"])
        #expect(broken.failures.map(\.subject) == ["/t/a.json", "/plain.yml"])
        #expect(broken.failures[0].reason == "invalid" && broken.failures[0].text.contains("lables"))
        fake.write("/t/a.json", nil)
        #expect(discovery.look(isFull: false)?.failures.first?.reason == "unreadable")

        fake.write("/t/a.json", "[]")
        fake.write("/plain.yml", "- targets: [ five:5 ]\n")
        let mended = try #require(discovery.look(isFull: false))
        #expect(targets(mended) == ["four:4", "five:5"] && mended.failures.isEmpty)
        fake.remove("/t/b.yml")
        #expect(targets(discovery.look(isFull: false)) == ["five:5"])
        #expect(discovery.look(isFull: true) == nil, "the same as before")
    }

    @Test(arguments: [
        ("x.json", "{}"), ("x.json", "[1]"), ("x.json", #"[{"targets":"a"}]"#), ("x.json", #"[{"targets":[1]}]"#),
        ("x.json", #"[{"labels":{"a":1}}]"#), ("x.json", "["), ("x.yml", "a: b"), ("x.yml", "- [ a ]"),
        ("x.yml", "- { targets: a }"), ("x.yml", "- { target: [ a ] }"),
        ("x.yml", "- { targets: [ a ], labels: [ b ] }"),
        ("x.yml", "\t-"),
    ])
    func `a file that is no list of target groups is refused with its reason`(path: String, text: String) {
        let error = #expect(throws: TargetFile.Unreadable.self) { try TargetFile.groups(Array(text.utf8), path: path) }
        #expect(error?.description.isEmpty == false)
    }

    @Test func `names give targets with their labels, and a server that fails leaves them as they were`() throws {
        let isFailing = Mutex(false)
        let records: [String: [DNSRecord]] = [
            "_m._tcp.x": [.service(priority: 1, weight: 2, port: 9100, host: "h1.x.")],
            "none.x": [],
        ]
        var discovery = NameDiscovery(.init(names: ["_m._tcp.x", "none.x"])) { name, _ throws(DNSFailure) in
            if isFailing.withLock({ $0 }) { throw .timeout }
            return records[name] ?? []
        }
        let first = discovery.look()
        #expect(targets(first) == ["h1.x:9100"])
        #expect(
            first.groups[0].labels == [
                "__meta_dns_name": "_m._tcp.x", "__meta_dns_srv_record_target": "h1.x.",
                "__meta_dns_srv_record_port": "9100",
            ]
        )
        isFailing.withLock { $0 = true }
        let failed = discovery.look()
        #expect(failed.groups == first.groups)
        #expect(failed.failures.map(\.reason) == ["timeout", "timeout"])
        var addresses = NameDiscovery(.init(names: ["a"], type: .a, port: 80)) { _, _ throws(DNSFailure) in
            [.address("10.0.0.1"), .address("2001:db8::1"), .mailExchange(preference: 5, host: "mx.x.")]
        }
        #expect(targets(addresses.look()) == ["10.0.0.1:80", "[2001:db8::1]:80", "mx.x:80"])
    }

    @Test func `resolv.conf is read, and names are tried by its search list`() {
        let configuration = DNSConfiguration(
            resolvConf: """
                # a comment
                nameserver 10.0.0.2
                nameserver fd00::2
                nameserver nonsense
                search a.example b.example
                options ndots:2 timeout:1 attempts:3 rotate
                """
        )
        #expect(configuration.servers.map(\.address) == ["10.0.0.2", "fd00::2"])
        #expect(configuration.timeout == .seconds(1) && configuration.attempts == 3)
        #expect(configuration.candidates("x.y") == ["x.y.a.example", "x.y.b.example", "x.y"])
        #expect(configuration.candidates("x.y.z") == ["x.y.z", "x.y.z.a.example", "x.y.z.b.example"])
        #expect(configuration.candidates("x.") == ["x."])
        #expect(DNSConfiguration.Server("[::1]:53")?.port == 53)
        #expect(DNSConfiguration.Server("a.b") == nil && DNSConfiguration.Server("1.2.3.4:0") == nil)
    }
}
