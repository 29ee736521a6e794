/// Counts by HTTP status, each counter made when its status is first seen. Confined to its loop.
final class CodeCounters {
  private let name: String
  private let dimensions: [(String, String)]
  private let registry: PrometheusRegistry
  /// Few: the statuses that occur.
  private var counters: [(code: Int, counter: CounterCell)] = []

  init(_ name: String, _ dimensions: [(String, String)], _ registry: PrometheusRegistry) {
    self.name = name
    self.dimensions = dimensions
    self.registry = registry
  }

  /// - Parameter code: a status, or nil for no answer, which counts as 0. What is no status counts as 0, too.
  func increment(_ code: Int?) {
    let code = code.map { (100...599).contains($0) ? $0 : 0 } ?? 0
    for index in counters.indices where counters[index].code == code { return counters[index].counter.increment(by: 1) }
    let counter = registry.counter(name, dimensions + [("code", "\(code)")])
    counters.append((code, counter))
    counter.increment(by: 1)
  }
}
