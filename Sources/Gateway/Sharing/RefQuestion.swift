import EventLoop
import GitProtocol
import PackCache

/// A question for refs that is under way: watches what its answer names, and lets the next one depart. Confined to its
/// loop.
final class RefQuestion {
  let key: RefFlights.Key
  /// Whose refs are asked for; consent of any other repo is none.
  private let remote: Remote
  private let scope: PackScope
  private var number: UInt64?
  private let sharing: Sharing
  private let loop: Loop
  private var listing: RefListing?
  /// Those of the pieces that came last, so that they are looked up together.
  private var names: [WantWatch.ObjectName] = []
  private var hasEnded = false
  /// Whose answer this is alone; those who share one are told by the flight.
  private let connection: UInt64?
  /// When it was sent, at the earliest.
  private(set) var askedAt: UInt64
  /// The repo that was asked has granted it.
  private(set) var isGranted = false

  /// - Parameters:
  ///   - number: what `RefFlights` knows it by; nil for one that waits for its departure.
  ///   - connection: the client's, for one that is not shared.
  init(
    _ key: RefFlights.Key, of remote: Remote, _ scope: PackScope, _ sharing: Sharing, on loop: Loop,
    number: UInt64? = nil, connection: UInt64? = nil
  ) {
    self.connection = connection
    self.key = key
    self.remote = remote
    self.number = number
    self.scope = scope
    self.sharing = sharing
    self.loop = loop
    askedAt = MonotonicClock.now
    listing = sharing.packs != nil && sharing.watch.isExpecting(scope) ? RefListing() : nil
  }

  deinit { end() }

  /// It is sent from here on.
  func depart(as number: UInt64) {
    self.number = number
    askedAt = MonotonicClock.now
  }

  /// An answer begins that `granting` gave.
  func begin(from granting: Remote?) {
    if let number { sharing.refs.answered(key, number, at: loop.now) }
    isGranted = granting == remote
    if !isGranted { listing = nil }
    if isGranted, sharing.packs != nil, let connection { sharing.watch.granted(scope, to: connection, at: askedAt) }
  }

  /// The next pieces of it.
  func take(_ list: GatherList) {
    guard listing != nil else { return }
    names.removeAll(keepingCapacity: true)
    list.forEach { piece in listing?.advance(over: piece) { id, _ in names.append(WantWatch.ObjectName(id)) } }
    sharing.watch.saw(names, of: scope, at: askedAt)
  }

  /// Gives a long answer a file to wait in. Returns whether it has to do without one.
  func makeRoom(in spool: Spool) -> Bool {
    guard spool.heldBytes > Self.heldBytes, !spool.hasFile else { return false }
    _ = sharing.packs?.makeRoom(in: spool, of: scope)
    return !spool.hasFile
  }

  /// Bytes of an answer that are held for all its readers without more ado.
  private static let heldBytes = 1 << 20

  /// The whole answer has come, or none will.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    if let number { sharing.refs.landed(key, number) }
  }
}
