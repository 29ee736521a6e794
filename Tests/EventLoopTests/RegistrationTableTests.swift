import Testing

@testable import EventLoop

@Suite
struct RegistrationTableTests {
  private final class Handler: EventHandler {
    func handle(_ readiness: Readiness) {}
  }

  @Test func `a token finds its handler until it is taken out`() {
    var table = RegistrationTable()
    let handlers = (0..<3).map { _ in Handler() }
    let registrations = handlers.map { table.add($0) }
    for (handler, registration) in zip(handlers, registrations) {
      #expect(table.handler(of: registration.token) === handler)
    }
    table.remove(registrations[1])
    #expect(table.handler(of: registrations[1].token) == nil)
    #expect(table.handler(of: registrations[2].token) === handlers[2])
  }

  @Test func `the token of a slot that is used again is stale`() {
    var table = RegistrationTable()
    let old = table.add(Handler())
    table.remove(old)
    let handler = Handler()
    let new = table.add(handler)
    #expect(old.token & 0xffff_ffff == new.token & 0xffff_ffff)
    #expect(table.handler(of: old.token) == nil)
    #expect(table.handler(of: new.token) === handler)
    // A stale removal harms nobody.
    table.remove(old)
    #expect(table.handler(of: new.token) === handler)
  }

  @Test func `slots are used again, so the table does not grow`() {
    var table = RegistrationTable()
    for _ in 0..<10_000 {
      let registration = table.add(Handler())
      #expect(registration.token & 0xffff_ffff == 0)
      table.remove(registration)
    }
  }

  @Test(arguments: [RegistrationTable.wakeup, RegistrationTable.clock, 7, 1 << 32])
  func `a token that was never given out has no handler`(_ token: UInt64) {
    var table = RegistrationTable()
    _ = table.add(Handler())
    #expect(table.handler(of: token) == nil)
  }

  @Test func `a handler is let go when it is taken out`() {
    var table = RegistrationTable()
    weak var handler: Handler?
    let registration: Registration
    do {
      let strong = Handler()
      handler = strong
      registration = table.add(strong)
    }
    #expect(handler != nil)
    table.remove(registration)
    #expect(handler == nil)
  }
}
