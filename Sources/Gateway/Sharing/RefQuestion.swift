import EventLoop
import GitProtocol
import PackCache

/// A question for refs that is under way: watches what its answer names, and lets the next one depart. Confined to its
/// loop.
final class RefQuestion {
  let key: RefFlights.Key
  private let scope: PackScope
  private let sharing: Sharing
  private let loop: Loop
  private var listing: RefListing?
  private var hasEnded = false
  private var hasAnswer = false
  /// When it was sent, at the earliest.
  private var askedAt: UInt64

  init(_ key: RefFlights.Key, _ scope: PackScope, _ sharing: Sharing, on loop: Loop) {
    self.key = key
    self.scope = scope
    self.sharing = sharing
    self.loop = loop
    askedAt = MonotonicClock.now
    listing = sharing.watch.isExpecting(scope) ? RefListing() : nil
  }

  deinit { end() }

  /// It is sent from here on.
  func depart() { askedAt = MonotonicClock.now }

  /// The next pieces of a granted answer.
  func take(_ list: GatherList) {
    if !hasAnswer {
      hasAnswer = true
      sharing.watch.granted(scope, at: askedAt)
      sharing.refs.answered(key, at: loop.now)
    }
    guard listing != nil else { return }
    let (watch, scope, askedAt) = (sharing.watch, scope, askedAt)
    list.forEach { piece in listing?.advance(over: piece) { id, _ in watch.saw(id, of: scope, at: askedAt) } }
  }

  /// The whole answer has come, or none will.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    sharing.refs.landed(key)
  }
}
