// SPDX-License-Identifier: Apache-2.0

import SidecarServer
import Testing

@Suite struct MachineMemoryTests {
    private static func memory(_ files: [String: String]) -> MachineMemory {
        MachineMemory(
            FileAccess(
                read: { path in files[path].map { Array($0.utf8) } },
                expand: { _ in [] },
                environment: { _ in nil },
                zone: { _ in nil }
            )
        )
    }

    @Test func `the lowest limit of the groups around the process counts`() {
        let found = Self.memory([
            "/proc/meminfo": "MemTotal:       16384000 kB\nMemFree:  1 kB\n",
            "/proc/self/cgroup": "0::/system.slice/sidecar.service\n",
            "/sys/fs/cgroup/system.slice/memory.max": "536870912\n",
            "/sys/fs/cgroup/system.slice/sidecar.service/memory.max": "max\n",
        ])
        #expect(found == MachineMemory(installed: 16_384_000 << 10, groupLimit: 536_870_912))
        #expect(found.storeLimit == 128 << 20)
    }

    @Test func `version 1 of control groups, and no limit at all`() {
        let old = [
            "/proc/meminfo": "MemTotal: 2048000 kB\n",
            "/proc/self/cgroup": "5:devices:/x\n4:cpu,memory:/box/1\n0::/\n",
            "/sys/fs/cgroup/memory/box/1/memory.limit_in_bytes": "9223372036854771712\n",
        ]
        #expect(Self.memory(old) == MachineMemory(installed: 2_048_000 << 10, groupLimit: nil))
        #expect(
            Self.memory(old.merging(["/sys/fs/cgroup/memory/box/1/memory.limit_in_bytes": "1073741824"]) { $1 })
                .groupLimit == 1 << 30
        )
    }

    @Test(
        arguments: [
            (nil, nil, 64), (1 << 30, nil, 64), (2 << 30, nil, 128), (64 << 30, nil, 256), (64 << 30, 256 << 20, 64),
            (64 << 30, 512 << 20, 128), (nil, 8 << 30, 256), (0, 0, 64), (Int.max, Int.max, 256),
        ] as [(Int?, Int?, Int)]
    )
    func `the store takes a share within bounds`(installed: Int?, group: Int?, mebibytes: Int) {
        #expect(MachineMemory(installed: installed, groupLimit: group).storeLimit == mebibytes << 20)
    }

    @Test func `what cannot be read or is nonsense says nothing`() {
        for text in ["", "MemTotal:", "MemTotal: x kB", "MemTotal: 99999999999999999999 kB", "\u{0}"] {
            #expect(Self.memory(["/proc/meminfo": text]).installed == nil)
        }
        let crooked = ["/proc/self/cgroup": "::::\n0::\n0::/../..\nnonsense\n4:memory:\n", "/proc/meminfo": "\n\n"]
        #expect(Self.memory(crooked) == MachineMemory(installed: nil, groupLimit: nil))
    }
}
