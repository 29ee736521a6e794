import DequeModule
package import GitProtocol
import Synchronization

/// Packs that were fetched before, and those that are being fetched.
///
/// Whoever wants one arrives with its key and is told where to get it: from the store, from a flight that is under way,
/// or from the upstream, and then he leads a flight of his own that others may join. An answer is stored from the second
/// request for its key on, or when somebody joins its flight. Nothing here asks whether a client may have a pack: that is
/// done before.
package final class PackCache: Sendable {
  package enum Arrival {
    case hit(StoredPack)
    case joined(PackFlight, SpoolReader)
    case leads(PackFlight)
  }

  /// What was given from the cache, since the start.
  package struct Statistics: Sendable {
    package var hits = 0
    package var joined = 0
    package var misses = 0
    package var bypasses = 0
    /// Bytes that clients got and the upstream was not asked for.
    package var savedBytes = 0
  }

  private struct State {
    var flights: [PackKey: PackFlight] = [:]
    /// Keys that were asked for, and not stored so far; the oldest are forgotten.
    var asked: Set<PackKey> = []
    var order: Deque<PackKey> = []
    var statistics = Statistics()
    /// Flights that have landed and are not stored, the oldest first.
    var lingering: Deque<PackFlight> = []

    /// Remembers `key`. Returns whether it was known.
    mutating func ask(_ key: PackKey) -> Bool {
      guard asked.insert(key).inserted else { return true }
      order.append(key)
      if order.count > PackCache.askedLimit { asked.remove(order.removeFirst()) }
      return false
    }
  }

  private static let askedLimit = 4_096
  /// How long an answer that was not stored can still be joined after its end.
  private static let linger = Duration.seconds(10)
  /// How many of those there may be, and what they may hold in memory together, bytes.
  private static let lingeringFlights = 64
  private static let lingeringBytes = 32 << 20
  /// Bytes that are held in memory before there is a file.
  private static let fileThreshold = 1 << 20
  /// Bytes up to which a fast answer that nobody shares is recorded.
  package static let recordedBytes = 7 << 20

  package let store: PackStore
  private let state = Mutex(State())

  package init(_ store: PackStore) { self.store = store }

  package var statistics: Statistics { state.withLock { $0.statistics } }

  package var flightCount: Int { state.withLock { $0.flights.count } }

  /// Where to get the answer to `request`.
  package func arrive(_ key: PackKey, _ scope: PackScope, _ request: FetchRequest) async -> Arrival {
    if let flight = state.withLock({ $0.flights[key] }), let reader = join(flight) { return .joined(flight, reader) }
    if let pack = await store.find(key) { return .hit(pack) }
    return lead(key, scope, request)
  }

  /// The flight of `key` that is under way, or a new one to lead.
  package func lead(_ key: PackKey, _ scope: PackScope, _ request: FetchRequest) -> Arrival {
    // The look for a flight and the making of one go together: of many who come at once, one leads.
    while true {
      let (flight, isNew) = state.withLock { state in
        if let flight = state.flights[key], !flight.answer.isClosed { return (flight, false) }
        let flight = PackFlight(key, scope, request, isRepeated: state.ask(key))
        state.flights[key] = flight
        return (flight, true)
      }
      if isNew { return .leads(flight) }
      if let reader = join(flight) { return .joined(flight, reader) }
    }
  }

  private func join(_ flight: PackFlight) -> SpoolReader? {
    let reader = flight.answer.join()
    if reader != nil { storeIfWanted(flight) }
    return reader
  }

  /// Gives a growing spool a file, if it needs one by now and one can be had.
  /// - Returns: false when there is no room any more for what comes.
  package func makeRoom(in spool: Spool, of scope: PackScope) -> Bool {
    if spool.takesFile, spool.heldBytes > Self.fileThreshold, let file = try? store.makeEntry(scope: scope) {
      spool.attach(file)
    }
    return !spool.isFull
  }

  /// The whole answer of a flight has come. It goes to the store, or stays for a moment in case somebody comes for it.
  package func land(_ flight: PackFlight, preludeBytes: Int) {
    flight.land(preludeBytes: preludeBytes)
    guard !storeIfWanted(flight) else { return }
    let over = state.withLock { state in
      state.lingering.append(flight)
      var held = state.lingering.reduce(0) { $0 + $1.spool.heldBytes }
      var over: [PackFlight] = []
      while state.lingering.count > Self.lingeringFlights || held > Self.lingeringBytes {
        let oldest = state.lingering.removeFirst()
        held -= oldest.spool.heldBytes
        over.append(oldest)
      }
      return over
    }
    for flight in over where !flight.isKept { remove(flight) }
    Task {
      try? await Task.sleep(for: Self.linger)
      state.withLock { $0.lingering.removeAll { $0 === flight } }
      if !flight.isKept { remove(flight) }
    }
  }

  @discardableResult
  private func storeIfWanted(_ flight: PackFlight) -> Bool {
    guard let preludeBytes = flight.takeForStore() else { return false }
    Task {
      if !flight.answer.isClosed { await keep(flight, preludeBytes: preludeBytes) }
      remove(flight)
    }
    return true
  }

  /// A flight came to nothing that could be shared.
  package func remove(_ flight: PackFlight) {
    flight.answer.close()
    state.withLock { if $0.flights[flight.key] === flight { $0.flights[flight.key] = nil } }
  }

  private func keep(_ flight: PackFlight, preludeBytes: Int) async {
    let spool = flight.spool
    if !spool.hasFile, let file = try? store.makeEntry(scope: flight.scope) { spool.attach(file) }
    guard let file = await spool.settle() else { return }
    let request = flight.request
    // What the store will not have is of no consequence to anybody: it was given out already.
    _ = try? await file.commit(
      key: flight.key, wants: request.wants.map { String(decoding: $0, as: UTF8.self) }, preludeBytes: preludeBytes,
      trailer: request.objectFormat == .sha256 ? .sha256 : .sha1)
  }

  /// Forgets the packs of the repos that `isMeant` names. Flights under way bring theirs to those who have joined and to
  /// nobody else.
  /// - Returns: what was removed from the disk.
  package func purge(where isMeant: @escaping @Sendable (PackScope) -> Bool) async -> (entries: Int, bytes: Int) {
    let flights = state.withLock { state in
      let meant = state.flights.values.filter { isMeant($0.scope) }
      for flight in meant { state.flights[flight.key] = nil }
      return meant
    }
    for flight in flights { flight.answer.close() }
    return await store.purge(where: isMeant)
  }

  package func count(_ change: (inout Statistics) -> Void) { state.withLock { change(&$0.statistics) } }
}
