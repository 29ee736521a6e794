import EventLoop
import PackCache

/// What the status page shows of a gateway at one moment. No part of it opens anything.
struct StatusFigures: Sendable {
  /// The requests of one service since the start.
  struct Traffic: Sendable {
    let service: RequestService
    let requests: Int
    /// Those that ended with 5xx, or without an answer.
    let failures: Int
    let bytesIn: Int
    let bytesOut: Int
  }

  struct Packs: Sendable {
    let statistics: PackCache.Statistics
    /// On the disk.
    let bytes: Int

    /// The part of fetches that the upstream was not asked for, in percent; nil while there was none.
    var rate: Int? {
      let served = statistics.hits + statistics.joined
      let all = served + statistics.misses
      return all > 0 ? 100 * served / all : nil
    }
  }

  let state: GatewayState.Phase
  let isReadOnly: Bool
  /// Since the start, seconds.
  let age: Double
  /// Wall clock, seconds since 1970.
  let now: Double
  let inFlight: Int
  let traffic: [Traffic]
  /// The oldest first.
  let transfers: [RunningTransfer]
  /// Nil for a token from a file.
  let tokens: [TokenCensus]?
  let minted: Int
  let mintFailures: Int
  /// Nil without a pack cache.
  let packs: Packs?
  /// The newest first.
  let troubles: [Trouble]
}

/// Where they come from. Nothing is counted for them that is not counted anyway.
struct StatusSource: Sendable {
  let state: GatewayState
  let metrics: GatewayMetrics
  let broker: TokenBroker
  let packs: PackCache?
  let transfers: TransferBoard
  let troubles: TroubleRing
  let isTokenFixed: Bool
  private let start = MonotonicClock.now

  init(
    _ state: GatewayState, _ metrics: GatewayMetrics, _ broker: TokenBroker, _ packs: PackCache?,
    _ transfers: TransferBoard, _ troubles: TroubleRing, isTokenFixed: Bool
  ) {
    self.state = state
    self.metrics = metrics
    self.broker = broker
    self.packs = packs
    self.transfers = transfers
    self.troubles = troubles
    self.isTokenFixed = isTokenFixed
  }

  func figures() async -> StatusFigures {
    let registry = metrics.registry
    let traffic = RequestService.allCases.map { service in
      let name = "service=\"\(service.rawValue)\""
      return StatusFigures.Traffic(
        service: service, requests: registry.total(MetricNames.requests, name),
        failures: registry.total(MetricNames.requests, name, "code=\"5")
          + registry.total(MetricNames.requests, name, "code=\"0"),
        bytesIn: registry.total(MetricNames.transferred, name, "direction=\"in\""),
        bytesOut: registry.total(MetricNames.transferred, name, "direction=\"out\""))
    }
    let minted = registry.total(MetricNames.mints, "result=\"ok\"")
    return StatusFigures(
      state: state.current, isReadOnly: state.isReadOnly, age: Double(MonotonicClock.now - start) / 1e9,
      now: WallClock.now, inFlight: registry.total(MetricNames.inFlight), traffic: traffic,
      transfers: await transfers.all(), tokens: isTokenFixed ? nil : await broker.census(), minted: minted,
      mintFailures: registry.total(MetricNames.mints) - minted
        - registry.total(MetricNames.mints, "result=\"no_repo\""),
      packs: packs.map { .init(statistics: $0.statistics, bytes: Int($0.store.statistics.bytes)) },
      troubles: troubles.all)
  }
}
