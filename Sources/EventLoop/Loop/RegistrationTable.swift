/// A descriptor's place in its loop's poll set.
package struct Registration {
  /// Slot in the low 32 bits, generation in the high ones: a stale event never meets a reused slot.
  let token: UInt64
  fileprivate var slot: Int { Int(truncatingIfNeeded: token & 0xffff_ffff) }
  fileprivate var generation: UInt32 { UInt32(truncatingIfNeeded: token >> 32) }
}

/// The handlers of one loop, found by the number that the kernel hands back with each event.
struct RegistrationTable {
  /// Numbers that no slot can have.
  static let wakeup = UInt64.max
  static let clock = UInt64.max - 1

  private var handlers: [(any EventHandler)?] = []
  private var generations: [UInt32] = []
  private var free: [Int] = []

  mutating func add(_ handler: any EventHandler) -> Registration {
    if let slot = free.popLast() {
      handlers[slot] = handler
      return Registration(token: UInt64(generations[slot]) << 32 | UInt64(slot))
    }
    handlers.append(handler)
    generations.append(0)
    return Registration(token: UInt64(handlers.count - 1))
  }

  mutating func remove(_ registration: Registration) {
    let slot = registration.slot
    guard generations[slot] == registration.generation else { return }
    handlers[slot] = nil
    generations[slot] = (generations[slot] &+ 1) & 0x7fff_ffff
    free.append(slot)
  }

  func handler(of token: UInt64) -> (any EventHandler)? {
    let registration = Registration(token: token)
    guard registration.slot < handlers.count, generations[registration.slot] == registration.generation else {
      return nil
    }
    return handlers[registration.slot]
  }
}
