import Testing

@testable import Gateway

@Suite struct RequestBudgetTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func `a burst passes at once and the next waits its turn`() {
    let budget = RequestBudget(rate: 10, burst: 5)
    let now = 100 * Self.second
    for _ in 0..<5 { #expect(budget.take(at: now) == 0) }
    #expect(budget.take(at: now) == Self.second / 10)
    #expect(budget.take(at: now) == Self.second / 5)
    #expect(budget.take(at: now + Self.second) == 0)
  }

  @Test(arguments: [1, 2, 19, 300, 2_000]) func `never more than the limit are sent in any 10 s`(limit: Int) {
    let budget = RequestBudget(inTenSeconds: limit)
    var sent: [UInt64] = []
    var now = 1_000 * Self.second
    // More is wanted at all times than may be sent, with rests in between.
    for round in 0..<40 {
      for _ in 0..<600 {
        if let wait = budget.take(at: now) { sent.append(now + wait) }
      }
      now += UInt64(round % 5) * Self.second
    }
    #expect(sent.count > 2 * limit)
    #expect(sent == sent.sorted())
    for (index, time) in sent.enumerated() where index >= limit {
      #expect(time - sent[index - limit] >= 10 * Self.second)
    }
  }

  @Test func `with no limit nobody waits`() {
    let budget = RequestBudget(inTenSeconds: 0)
    #expect((0..<10_000).allSatisfy { budget.take(at: 7 * Self.second + UInt64($0 % 3)) == 0 })
  }

  @Test func `who would wait too long is turned away and takes no place`() {
    let budget = RequestBudget(rate: 1, burst: 1, longestWait: .seconds(2))
    let now = 5 * Self.second
    #expect((0..<5).map { _ in budget.take(at: now) } == [0, Self.second, 2 * Self.second, nil, nil])
    #expect(budget.take(at: now + Self.second) == 2 * Self.second)
  }

  @Test(arguments: [(7, 7), (300, 30)]) func `a rest that the service asks for holds for all, up to 30 s`(
    asked: Int, held: UInt64
  ) {
    let budget = RequestBudget(rate: 10, burst: 5)
    let now = 9 * Self.second
    budget.hold(for: .seconds(asked), at: now)
    budget.hold(for: .seconds(1), at: now)
    #expect(budget.take(at: now) == held * Self.second)
    #expect(budget.take(at: now + held * Self.second) == 0)
  }

  @Test func `a place given back is the next one's`() {
    let budget = RequestBudget(rate: 1, burst: 1)
    let now = 5 * Self.second
    #expect(budget.take(at: now) == 0)
    for _ in 0..<100 {
      #expect(budget.take(at: now) == Self.second)
      budget.giveBack()
    }
  }
}
