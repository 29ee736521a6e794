import Testing

@testable import Gateway

@Suite struct CircuitBreakerTests {
  private static let second: UInt64 = 1_000_000_000

  private func opened(at now: UInt64) -> CircuitBreaker {
    let breaker = CircuitBreaker(threshold: 10)
    for number in 1...10 {
      #expect(breaker.refusal(at: now) == nil)
      #expect(breaker.settle(isFailure: true, at: now) == (number == 10))
    }
    return breaker
  }

  @Test func `ten failures in a row open it for a second`() {
    let breaker = opened(at: 0)
    #expect(breaker.refusal(at: 0) == Self.second)
    #expect(breaker.refusal(at: Self.second - 1) == 1)
    #expect(breaker.refusal(at: Self.second) == nil)
  }

  @Test func `a success in between starts the count anew`() {
    let breaker = CircuitBreaker(threshold: 10)
    for _ in 0..<5 {
      for _ in 0..<9 { #expect(!breaker.settle(isFailure: true, at: 0)) }
      #expect(!breaker.settle(isFailure: false, at: 0))
    }
    #expect(breaker.refusal(at: 0) == nil)
  }

  @Test func `one call tries after each pause, and its failure doubles the next up to half a minute`() {
    let breaker = opened(at: 0)
    var now: UInt64 = 0
    for pause in [1, 2, 4, 8, 16, 30, 30].map({ $0 * Self.second }) {
      #expect(breaker.refusal(at: now) == pause)
      now += pause
      #expect(breaker.refusal(at: now) == nil)
      #expect(breaker.refusal(at: now) != nil)
      // What was sent before it opened comes back late.
      #expect(!breaker.settle(isFailure: true, at: now))
      #expect(!breaker.settle(isFailure: true, at: now))
    }
  }

  @Test func `the success of the one that tries closes it`() {
    let breaker = opened(at: 0)
    #expect(breaker.refusal(at: Self.second) == nil)
    #expect(breaker.settle(isFailure: false, at: Self.second))
    for _ in 0..<3 { #expect(breaker.refusal(at: Self.second) == nil) }
  }

  @Test func `one that never comes back is followed by another`() {
    let breaker = opened(at: 0)
    #expect(breaker.refusal(at: Self.second) == nil)
    #expect(breaker.refusal(at: 2 * Self.second - 1) == 1)
    #expect(breaker.refusal(at: 2 * Self.second) == nil)
  }
}
