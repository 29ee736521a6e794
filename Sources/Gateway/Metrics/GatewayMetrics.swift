import ArtifactsAPI
import CoreMetrics
import HTTPTransport
import PackCache

/// The gateway's metrics, all loops together. Its counters are made once.
package final class GatewayMetrics: Sendable {
  /// Where they are kept.
  package let registry: PrometheusRegistry
  let inFlight: Meter
  let connects: CounterSet<ConnectResult>
  let retries: CounterSet<RetryReason>
  let refFlights: CounterSet<RefFlightResult>
  let rejected: CounterSet<Rejection>
  let policyRefusals: CounterSet<AccessConfiguration.Mode>
  private let readMints: CounterSet<MintResult>
  private let writeMints: CounterSet<MintResult>
  /// The upstream connections of all loops.
  let connections: UpstreamTally

  package init() {
    let registry = PrometheusRegistry(MetricNames.families)
    self.registry = registry
    inFlight = Meter(label: MetricNames.inFlight, dimensions: [], factory: registry)
    connects = CounterSet(MetricNames.connects, "result", factory: registry)
    retries = CounterSet(MetricNames.retries, "reason", factory: registry)
    refFlights = CounterSet(MetricNames.refFlights, "result", factory: registry)
    rejected = CounterSet(MetricNames.rejected, "reason", factory: registry)
    policyRefusals = CounterSet(MetricNames.policyRefusals, "mode", factory: registry)
    readMints = CounterSet(MetricNames.mints, "result", [("scope", "read")], factory: registry)
    writeMints = CounterSet(MetricNames.mints, "result", [("scope", "write")], factory: registry)
    let connections = UpstreamTally { [connects] in connects.increment($0) }
    self.connections = connections
    registry.observe(MetricNames.connections, [("state", "active")]) { Double(connections.activeCount) }
    registry.observe(MetricNames.connections, [("state", "idle")]) { Double(connections.idleCount) }
    registry.observe(MetricNames.buildInfo, [("version", GatewayVersion.number)]) { 1 }
    ProcessFigures.expose(in: registry)
  }

  /// Counts a token that was asked for.
  /// - Parameter failure: why there is none; nil when there is one.
  func minted(_ scope: TokenScope, _ failure: ProxyError?) {
    let result = failure.map { MintResult($0) } ?? .ok
    (scope == .read ? readMints : writeMints).increment(result)
  }

  /// Shows what the gateway as a whole is and has.
  func expose(_ state: GatewayState, _ sharing: Sharing, droppedLines: @escaping @Sendable () -> Int) {
    registry.observe(MetricNames.draining) { state.current == .draining ? 1 : 0 }
    registry.observe(MetricNames.reloadFailed) { state.configReloadFailed ? 1 : 0 }
    registry.observe(MetricNames.droppedLines) { Double(droppedLines()) }
    let packs = sharing.packs
    registry.observe(MetricNames.cacheRequests, [("outcome", "hit")]) { Double(packs?.statistics.hits ?? 0) }
    registry.observe(MetricNames.cacheRequests, [("outcome", "joined")]) { Double(packs?.statistics.joined ?? 0) }
    registry.observe(MetricNames.cacheRequests, [("outcome", "miss")]) { Double(packs?.statistics.misses ?? 0) }
    registry.observe(MetricNames.cacheRequests, [("outcome", "bypass")]) { Double(packs?.statistics.bypasses ?? 0) }
    registry.observe(MetricNames.cacheBytes) { Double(packs?.store.statistics.bytes ?? 0) }
    registry.observe(MetricNames.savedBytes) { Double(packs?.statistics.savedBytes ?? 0) }
  }
}
