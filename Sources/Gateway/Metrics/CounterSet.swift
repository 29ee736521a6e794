import CoreMetrics

/// The counters of one metric whose only label has a closed set of values. All of them are there from the beginning, so that
/// what has not happened shows as 0.
struct CounterSet<Value: Hashable & Sendable & CaseIterable & RawRepresentable<String>>: Sendable {
  private let counters: [Value: Counter]

  init(_ name: String, _ label: String, _ dimensions: [(String, String)] = [], factory: any MetricsFactory) {
    counters = Value.allCases.reduce(into: [:]) { counters, value in
      counters[value] = Counter(label: name, dimensions: dimensions + [(label, value.rawValue)], factory: factory)
    }
  }

  func increment(_ value: Value) { counters[value]?.increment() }
}
