// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A generator whose seed is printed by the tests that use it and can be given in `EXPOSITION_SEED`.
struct SeededRandom: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(seed: UInt64? = nil) {
        let given = unsafe getenv("EXPOSITION_SEED").flatMap { unsafe UInt64(String(cString: $0)) }
        self.seed = seed ?? given ?? UInt64.random(in: 1...1_000_000_000)
        self.state = self.seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
