import EventLoop

/// The HTTP/2 connections of one pool, by origin. Exchanges fill one before the next is used or opened. Confined to its loop.
final class HTTP2Links {
  /// Connections to one origin; beyond that exchanges take HTTP/1.1.
  private static let linksPerOrigin = 8
  /// Origins remembered as not speaking HTTP/2.
  private static let memoryLimit = 1_024

  private let loop: Loop
  private var links: [Origin: [HTTP2Link]] = [:]
  private var unsupported: Set<Origin> = []
  /// Those who wait for somebody else's connect.
  private var connecting: [Origin: [UnsafeContinuation<Void, Never>]] = [:]

  init(on loop: Loop) { self.loop = loop }

  var isEmpty: Bool { links.isEmpty }
  var count: Int { links.values.reduce(0) { $0 + $1.count { $0.isOpen } } }

  /// A connection that can take another exchange.
  func find(_ origin: Origin) -> HTTP2Link? {
    guard let known = links[origin] else { return nil }
    if let link = known.first(where: \.hasRoom) { return link }
    prune(origin)
    return nil
  }

  func mayOpen(_ origin: Origin) -> Bool { (links[origin]?.count { $0.isUsable } ?? 0) < Self.linksPerOrigin }

  func add(_ link: HTTP2Link) {
    unsupported.remove(link.origin)
    links[link.origin, default: []].append(link)
  }

  private func prune(_ origin: Origin) {
    links[origin]?.removeAll { !$0.isUsable }
    if links[origin]?.isEmpty == true { links[origin] = nil }
  }

  // MARK: One connect at a time

  /// Waits while somebody else connects to `origin`.
  /// - Returns: false at once when nobody does: then it is the caller's turn, to be ended by `endConnect`.
  func waitForConnect(_ origin: Origin) async -> Bool {
    // An origin that does not share its connections is no reason to wait.
    guard !unsupported.contains(origin) else { return false }
    guard connecting[origin] != nil else {
      connecting[origin] = []
      return false
    }
    await withUnsafeContinuation { waiter in
      if connecting[origin] == nil { waiter.resume() } else { connecting[origin]?.append(waiter) }
    }
    return true
  }

  func endConnect(_ origin: Origin) {
    for waiter in connecting.removeValue(forKey: origin) ?? [] { waiter.resume() }
  }

  func isUnsupported(by origin: Origin) -> Bool { unsupported.contains(origin) }

  func noteUnsupported(by origin: Origin) {
    if unsupported.count >= Self.memoryLimit { unsupported.removeAll() }
    unsupported.insert(origin)
  }

  // MARK: Ends

  /// Closes what has been idle for `limit` nanoseconds, and forgets what is closed.
  func sweep(_ limit: UInt64) {
    for origin in Array(links.keys) {
      for link in links[origin] ?? [] where link.isIdle && loop.now - link.idleSince >= limit { link.retire() }
      prune(origin)
    }
  }

  /// Closes each connection as soon as its last exchange has ended.
  func retireAll() {
    let all = links.values.joined()
    links.removeAll()
    for link in all { link.retire() }
  }
}
