// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import HealthChecks
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ExpressionCheckTests {
    private let fixture: CheckFixture
    private let language = FixedExpressions()

    init() throws {
        fixture = try CheckFixture()
    }

    private var environment: CheckEnvironment {
        var environment = fixture.environment
        environment.expressions = language
        return environment
    }

    @Test
    func `an element is what is wrong, or what is right`() async throws {
        var configuration = ExpressionCheckConfiguration(expression: "x")
        let any = try ExpressionCheck(name: "rule", configuration, in: environment)
        configuration.failsWhen = .none
        let none = try ExpressionCheck(name: "rule", configuration, in: environment)
        #expect(await any.check(deadline: .seconds(1)).verdict == .up)
        #expect(await none.check(deadline: .seconds(1)).reason == .expression)
        language.set("x", .success([ExpressionValue(labels: "{a=\"b\"}", value: 3), .init(labels: "{}", value: 4)]))
        let result = await any.check(deadline: .seconds(1))
        #expect(result.reason == .expression)
        #expect(result.text == "{a=\"b\"} 3.0, and 1 more")
        #expect(result.value("expression_elements") == 2)
        #expect(result.value("expression_value") == 3)
        #expect(result.value("probe_success") == 0)
        #expect(await none.check(deadline: .seconds(1)).verdict == .up)
    }

    @Test
    func `a warning degrades, and what cannot be evaluated is not known`() async throws {
        var configuration = ExpressionCheckConfiguration(expression: "x")
        configuration.warning = "y"
        let check = try ExpressionCheck(name: "rule", configuration, in: environment)
        language.set("y", .success([ExpressionValue(labels: "{}", value: 1)]))
        #expect(await check.check(deadline: .seconds(1)).verdict == .degraded)
        language.set("y", .failure(.failed("too many samples")))
        let failed = await check.check(deadline: .seconds(1))
        #expect(failed.verdict == .undetermined)
        #expect(failed.reason == .queryFailed)
        language.set("x", .failure(.timedOut))
        #expect(await check.check(deadline: .seconds(1)).reason == .timeout)
        #expect(throws: CheckConfigurationError("expr: no such thing")) {
            try ExpressionCheck(name: "rule", ExpressionCheckConfiguration(expression: "?"), in: environment)
        }
    }

    @Test
    func `a queue may be what was scraped`() async throws {
        var source = QueueCheckConfiguration.ExpressionQueue()
        source.waiting = "x"
        source.workers = "y"
        var configuration = QueueCheckConfiguration(queue: "mail", source: .expressions(source))
        configuration.minimumWorkers = 1
        let check = try QueueCheck(name: "jobs", configuration, in: environment)
        #expect(await check.check(deadline: .seconds(1)).reason == .missing, "no series at all")
        language.set("x", .success([ExpressionValue(labels: "{}", value: 12)]))
        let result = await check.check(deadline: .seconds(1))
        #expect(result.verdict == .up)
        #expect(result.value("queue_jobs", ["state": "waiting"]) == 12)
        language.set("y", .success([ExpressionValue(labels: "{}", value: 0)]))
        let idle = await check.check(deadline: .seconds(1))
        #expect(idle.reason == .threshold)
        #expect(idle.text == "0 workers, at least 1 wanted")
    }
}

/// Expressions whose answers a test sets.
private final class FixedExpressions: ExpressionEvaluating {
    private let answers = Mutex<[String: Result<[ExpressionValue], ExpressionProblem>]>([:])

    func set(_ expression: String, _ answer: Result<[ExpressionValue], ExpressionProblem>) {
        answers.withLock { $0[expression] = answer }
    }

    func prepare(_ expression: String) throws(ExpressionProblem) -> any PreparedExpression {
        if expression == "?" { throw .invalid("no such thing") }
        return FixedExpression(owner: self, text: expression)
    }

    private struct FixedExpression: PreparedExpression {
        let owner: FixedExpressions
        let text: String

        func evaluate(deadline: Duration) throws(ExpressionProblem) -> [ExpressionValue] {
            try owner.answers.withLock { $0[text] ?? .success([]) }.get()
        }
    }
}
