import CoreMetrics

/// Counts by HTTP status, each counter made when its status is first seen. Confined to its loop.
final class CodeCounters {
  private let name: String
  private let dimensions: [(String, String)]
  private let factory: any MetricsFactory
  /// Few: the statuses that occur.
  private var counters: [(code: Int, counter: Counter)] = []

  init(_ name: String, _ dimensions: [(String, String)], factory: any MetricsFactory) {
    self.name = name
    self.dimensions = dimensions
    self.factory = factory
  }

  /// - Parameter code: a status, or nil for no answer, which counts as 0. What is no status counts as 0, too.
  func increment(_ code: Int?) {
    let code = code.map { (100...599).contains($0) ? $0 : 0 } ?? 0
    for index in counters.indices where counters[index].code == code { return counters[index].counter.increment() }
    let counter = Counter(label: name, dimensions: dimensions + [("code", "\(code)")], factory: factory)
    counters.append((code, counter))
    counter.increment()
  }
}
