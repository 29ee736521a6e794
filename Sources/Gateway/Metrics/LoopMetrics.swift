import ArtifactsAPI
import CoreMetrics
import EventLoop
import HTTPTransport

/// The metrics of requests as one loop counts them: handlers that are made once, and looked up without a lock. Confined to
/// its loop.
final class LoopMetrics {
  /// Those of one service.
  private struct OfService {
    let requests: CodeCounters
    let duration: Timer
    let firstByte: Timer
    let bytesIn: Counter
    let bytesOut: Counter

    init(_ service: RequestService, _ factory: any MetricsFactory) {
      let label = [("service", service.rawValue)]
      requests = CodeCounters(MetricNames.requests, label, factory: factory)
      duration = Timer(label: MetricNames.duration, dimensions: label, factory: factory)
      firstByte = Timer(label: MetricNames.firstByte, dimensions: label, factory: factory)
      bytesIn = Counter(
        label: MetricNames.transferred, dimensions: label + [("direction", "in")], factory: factory)
      bytesOut = Counter(
        label: MetricNames.transferred, dimensions: label + [("direction", "out")], factory: factory)
    }
  }

  /// In the order of `RequestService.allCases`.
  private let services: [OfService]
  /// What upstreams answered.
  let git: CodeCounters
  let api: CodeCounters
  let shared: GatewayMetrics

  init(_ shared: GatewayMetrics) {
    self.shared = shared
    let factory = shared.registry
    services = RequestService.allCases.map { OfService($0, factory) }
    git = CodeCounters(MetricNames.upstreamRequests, [("target", "git")], factory: factory)
    api = CodeCounters(MetricNames.upstreamRequests, [("target", "api")], factory: factory)
  }

  func began() { shared.inFlight.increment(by: 1) }

  /// Counts a request that is over.
  /// - Parameter status: the one that the client was sent; nil for none.
  func ended(_ exchange: ServerExchange, _ service: RequestService, status: Int?) {
    shared.inFlight.decrement(by: 1)
    let own = services[service.index]
    own.requests.increment(status)
    own.duration.recordNanoseconds(Int64(exchange.loop.now - exchange.startedAt))
    if status != nil, let respondedAt = exchange.respondedAt {
      own.firstByte.recordNanoseconds(Int64(respondedAt - exchange.startedAt))
    }
    own.bytesIn.increment(by: Int64(exchange.bodyBytesRead))
    own.bytesOut.increment(by: Int64(exchange.bytesWritten))
  }

  /// Counts a request that could not be read and was answered with `status`.
  func refusedUnread(_ status: Int) {
    services[RequestService.ops.index].requests.increment(status)
    shared.rejected.increment(.malformed)
  }

  /// Counts the calls of a client of the Artifacts API on this loop.
  var callObserver: CallObserver {
    var observer = CallObserver()
    observer.answered = { [api] status, _ in api.increment(status) }
    observer.retries = { [shared] in shared.retries.increment(.api) }
    return observer
  }
}
