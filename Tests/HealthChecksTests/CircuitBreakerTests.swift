// SPDX-License-Identifier: Apache-2.0

import HealthChecks
import Testing

@Suite struct CircuitBreakerTests {
    @Test func opensAfterFiveFailuresAndLetsOneCallTry() {
        var breaker = CircuitBreaker()
        for _ in 0..<4 { breaker.failed(at: .zero) }
        #expect(breaker.state(at: .zero) == .closed)
        #expect(breaker.allows(at: .zero) == true)
        breaker.failed(at: .zero)
        #expect(breaker.state(at: .seconds(59)) == .open)
        #expect(breaker.allows(at: .seconds(59)) == false)
        #expect(breaker.state(at: .seconds(60)) == .halfOpen)
        #expect(breaker.allows(at: .seconds(60)) == true)
        #expect(breaker.allows(at: .seconds(61)) == false, "one call at a time")
        breaker.failed(at: .seconds(61))
        #expect(breaker.allows(at: .seconds(120)) == false)
        #expect(breaker.allows(at: .seconds(121)) == true)
        breaker.succeeded()
        #expect(breaker.state(at: .seconds(121)) == .closed)
        #expect(breaker.opened == 2 && breaker.rejected == 3)
    }

    @Test func aSuccessStartsTheCountAgain() {
        var breaker = CircuitBreaker(threshold: 2)
        breaker.failed(at: .zero)
        breaker.succeeded()
        breaker.failed(at: .zero)
        #expect(breaker.allows(at: .zero) == true)
    }

    @Test func anAnswerToSomebodyElseLetsOneCallTryAtOnce() {
        var breaker = CircuitBreaker()
        breaker.answered(at: .seconds(0))
        #expect(breaker == CircuitBreaker(), "nothing to end")
        for second in 0..<5 { breaker.failed(at: .seconds(second)) }
        #expect(breaker.allows(at: .seconds(5)) == false)
        breaker.answered(at: .seconds(5))
        #expect(breaker.state(at: .seconds(5)) == .halfOpen)
        #expect(breaker.allows(at: .seconds(5)) == true)
        #expect(breaker.allows(at: .seconds(5)) == false, "one call")
        breaker.failed(at: .seconds(6))
        #expect(breaker.allows(at: .seconds(7)) == false, "it answers checks only")
        breaker.answered(at: .seconds(8))
        #expect(breaker.allows(at: .seconds(8)) == true)
        breaker.succeeded()
        #expect(breaker.state(at: .seconds(8)) == .closed)
    }

    @Test func aTryThatNeverAnswersDoesNotBlockForEver() {
        var breaker = CircuitBreaker(threshold: 1, openFor: .seconds(10))
        breaker.failed(at: .zero)
        #expect(breaker.allows(at: .seconds(10)) == true)
        #expect(breaker.allows(at: .seconds(19)) == false)
        #expect(breaker.allows(at: .seconds(20)) == true)
    }
}
