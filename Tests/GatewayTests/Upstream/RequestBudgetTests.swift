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

  @Test func `never more than 2,000 are sent in any 10 s`() {
    let budget = RequestBudget.documented()
    var sent: [UInt64] = []
    var now = 1_000 * Self.second
    // More is wanted at all times than may be sent, with rests in between.
    for round in 0..<40 {
      for _ in 0..<600 {
        if let wait = budget.take(at: now) { sent.append(now + wait) }
      }
      now += UInt64(round % 5) * Self.second
    }
    #expect(sent.count > 4_000)
    #expect(sent == sent.sorted())
    for (index, time) in sent.enumerated() where index >= 2_000 {
      #expect(time - sent[index - 2_000] >= 10 * Self.second)
    }
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
