import EventLoop
import GitProtocol
import HTTPTransport
import PackCache

/// The leader's side of a pack flight: what comes from the upstream goes to its client, and what a cache keeps of it to
/// the flight. Confined to its loop.
final class PackRecording {
  let flight: PackFlight
  private let cache: PackCache
  private let loop: Loop
  private var recorder: FetchAnswerRecorder
  private var firstByteAt: UInt64?
  /// Nothing more is recorded.
  private var hasEnded = false
  /// The upstream's connection is the flight's, no longer the leader's.
  private(set) var hasHandedOver = false
  /// The leader's place in the spool then, until he takes it.
  private var leader: SpoolReader?
  /// Who is to answer.
  private let remote: Remote

  /// Told when the upstream's answer turns out to be a pack.
  var onPack: (() -> Void)?

  /// Bytes a second above which an answer that nobody shares is not recorded to its end: it would cost more than asking
  /// again does.
  private static let fastRate = 100_000_000

  init(_ flight: PackFlight, of remote: Remote, _ cache: PackCache, on loop: Loop) {
    self.remote = remote
    self.flight = flight
    recorder = FetchAnswerRecorder(isSidebandAll: flight.request.isSidebandAll)
    self.cache = cache
    self.loop = loop
  }

  /// Somebody else waits for the answer.
  var isShared: Bool { !hasEnded && flight.spool.readerCount > 0 }

  /// The leader may become a reader of the spool, where he left off.
  var canHandOver: Bool { !hasEnded && !hasHandedOver && recorder.isAligned && recorder.verdict == .pack }

  /// An answer has begun.
  /// - Parameters:
  ///   - isCoded: nobody else may be able to read it.
  ///   - granting: who gave it; nobody but the repo that the flight is for may.
  func begin(coded isCoded: Bool, from granting: Remote?) { if isCoded || granting != remote { giveUp() } }

  /// Takes the next pieces of the answer.
  func take(_ list: GatherList) {
    guard !hasEnded else { return }
    let spool = flight.spool
    list.forEach { piece in recorder.advance(over: piece) { spool.append($0) } }
    switch recorder.verdict {
    case .other: return giveUp()
    case .pack:
      flight.answer.start(.begun(preludeBytes: recorder.preludeBytes))
      onPack?()
      onPack = nil
    case .undecided: break
    }
    let begin = firstByteAt ?? loop.now
    firstByteAt = begin
    let hasRoom = cache.makeRoom(in: spool, of: flight.scope)
    let isTooMuch = recorder.keptBytes > cache.store.maxEntryBytes
    guard !hasRoom || isTooMuch || isTooFast(since: begin) else { return }
    if flight.answer.closeUnlessShared(), spool.readerCount == 0 {
      giveUp()
    } else if !hasRoom {
      spool.forgetBeginning()
    }
  }

  private func isTooFast(since begin: UInt64) -> Bool {
    guard !flight.isKept, recorder.keptBytes > PackCache.recordedBytes else { return false }
    return Double(recorder.keptBytes) > Double(loop.now - begin) / 1e9 * Double(Self.fastRate)
  }

  /// The answer has come to its end.
  func finish() {
    guard !hasEnded else { return }
    recorder.finish()
    guard recorder.isComplete else { return giveUp() }
    hasEnded = true
    flight.spool.finish(.whole)
    cache.land(flight, preludeBytes: recorder.preludeBytes)
  }

  /// The request was refused, or its answer broke off.
  func fail(_ error: ProxyError) {
    guard !hasEnded else { return }
    hasEnded = true
    cache.remove(flight)
    flight.answer.start(.refused(error))
    flight.spool.finish(.cut(error.text))
  }

  /// The leader is done. What has not come to an end by now, and is nobody else's to bring there, never will.
  func leave() { if !hasHandedOver { giveUp() } }

  /// There is nothing to share. Followers that have got nothing ask on their own.
  func giveUp() {
    guard !hasEnded else { return }
    hasEnded = true
    cache.remove(flight)
    flight.answer.start(.nothing)
    flight.spool.finish(.cut("the answer cannot be shared any further"))
  }

  /// Makes the leader a reader, behind all that was recorded. `produce` must follow.
  func handOver() -> Bool {
    leader = flight.spool.makeReader(at: flight.spool.count)
    hasHandedOver = leader != nil
    return hasHandedOver
  }

  func takeLeader() -> SpoolReader? { leader.take() }

  /// Goes on reading the answer for the followers, in place of the leader, until it ends or all of them are gone. The
  /// connection is given back or closed.
  func produce(from connection: any UpstreamExchange, to pool: UpstreamPool, idle: Duration) async {
    hasHandedOver = true
    let list = GatherList()
    let clock = SpoolClock(flight.spool, on: loop)
    defer { clock.stop() }
    while !hasEnded, !connection.isBodyRead {
      if await !flight.spool.waitForRoom() {
        flight.answer.close()
        guard flight.spool.readerCount > 0 else { break }
      }
      do throws(TransportError) {
        _ = try await connection.readBody(into: list, idle: idle)
      } catch {
        connection.close()
        let text = "\(connection.origin) broke off in the middle: \(error); try again"
        return fail(ProxyError(.cut, status: 502, text))
      }
      take(list)
      list.removeAll()
    }
    if !hasEnded, connection.isBodyRead {
      finish()
      pool.give(connection)
    } else {
      giveUp()
      connection.close()
    }
  }
}
