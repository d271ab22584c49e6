// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Testing

@Suite struct DependencyGraphTests {
    @Test func theRootOfAFailureIsTheDeepestFailingDependency() throws {
        let graph = try DependencyGraph([
            "host": [], "database": ["host"], "cache": ["host"], "app": ["database", "cache"], "page": ["app"],
        ])
        func roots(_ name: String, failing: Set<String>) -> [String] {
            graph.rootCauses(of: name) { failing.contains($0) }
        }
        #expect(roots("page", failing: ["page", "app", "database", "host"]) == ["host"])
        #expect(roots("page", failing: ["page", "app", "database", "cache"]) == ["cache", "database"])
        #expect(roots("app", failing: ["app"]).isEmpty)
        #expect(roots("page", failing: ["page", "host"]).isEmpty, "what lies between works")
    }

    @Test func mistakesAreNamed() {
        #expect(throws: DependencyGraph.Problem.unknown(name: "nobody", in: "a")) {
            try DependencyGraph(["a": ["nobody"]])
        }
        #expect(throws: DependencyGraph.Problem.cycle(["a", "b", "c", "a"])) {
            try DependencyGraph(["a": ["b"], "b": ["c"], "c": ["a"]])
        }
        #expect(throws: DependencyGraph.Problem.cycle(["x", "x"])) { try DependencyGraph(["x": ["x"]]) }
    }

    @Test func aLongChainNeedsNoStack() throws {
        var edges = ["0": [String]()]
        for number in 1...50_000 { edges["\(number)"] = ["\(number - 1)"] }
        let graph = try DependencyGraph(edges)
        #expect(graph.rootCauses(of: "50000") { _ in true } == ["0"])
    }
}
