package import CoreMetrics
import Synchronization

/// Keeps metrics for Prometheus to fetch: a backend of swift-metrics.
///
/// What a metric of swift-metrics is made with, its label and dimensions, names a series; whoever names the same one shares
/// its number. Making one takes a lock, counting with it none. A label that no family was announced for gets a family of its
/// own.
package final class PrometheusRegistry: MetricsFactory {
  private enum Source {
    case counter(CounterCell)
    case gauge(GaugeCell)
    case histogram(HistogramCell)
    /// Asked when it is fetched.
    case observed(@Sendable () -> Double)
  }

  private struct State {
    var families: [MetricFamily]
    /// By the name of the family, then by its labels as they are written.
    var series: [String: [String: Source]] = [:]
  }

  private let state: Mutex<State>

  /// - Parameter families: in the order of the exposition.
  package init(_ families: [MetricFamily] = []) { state = Mutex(State(families: families)) }

  /// Exposes a number that somebody else keeps.
  /// - Parameter value: called at each exposition, on any thread.
  package func observe(_ name: String, _ labels: [(String, String)] = [], _ value: @escaping @Sendable () -> Double) {
    state.withLock { $0.series[name, default: [:]][ExpositionWriter.labels(labels)] = .observed(value) }
  }

  /// The sum of a family's series whose written labels hold all of `parts`, such as `code="5`. Histograms count as nothing.
  func total(_ name: String, _ parts: String...) -> Int {
    let series = state.withLock { $0.series[name] } ?? [:]
    return series.reduce(into: 0) { sum, next in
      guard parts.allSatisfy({ next.key.contains($0) }) else { return }
      switch next.value {
      case .counter(let cell): sum += Int(cell.value)
      case .gauge(let cell): sum += Int(cell.value)
      case .histogram: break
      case .observed(let value): sum += Int(value())
      }
    }
  }

  /// All there is, in the text format of Prometheus.
  package func exposition() -> String {
    let (families, series) = state.withLock { ($0.families, $0.series) }
    var writer = ExpositionWriter()
    for family in families {
      guard let samples = series[family.name], !samples.isEmpty else { continue }
      writer.begin(family)
      for (labels, source) in samples.sorted(by: { $0.key < $1.key }) {
        switch source {
        case .counter(let cell): writer.sample(family.name, labels, cell.value)
        case .gauge(let cell): writer.sample(family.name, labels, cell.value)
        case .histogram(let cell): writer.histogram(family.name, labels, cell)
        case .observed(let value): writer.sample(family.name, labels, value())
        }
      }
    }
    return writer.text
  }

  // MARK: MetricsFactory

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    counter(label, dimensions)
  }

  func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterCell {
    cell(label, dimensions, .counter, { if case .counter(let cell) = $0 { cell } else { nil } }) {
      let cell = CounterCell()
      return (cell, .counter(cell))
    }
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    gauge(label, dimensions)
  }

  /// Of what is recorded the last is shown.
  package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    gauge(label, dimensions)
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    histogram(label, dimensions)
  }

  func histogram(_ label: String, _ dimensions: [(String, String)]) -> HistogramCell {
    cell(label, dimensions, .histogram, { if case .histogram(let cell) = $0 { cell } else { nil } }) {
      let cell = HistogramCell()
      return (cell, .histogram(cell))
    }
  }

  func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeCell {
    cell(label, dimensions, .gauge, { if case .gauge(let cell) = $0 { cell } else { nil } }) {
      let cell = GaugeCell()
      return (cell, .gauge(cell))
    }
  }

  /// The cell of a series; one that exists as something else is left alone, and the new one counts for nobody.
  private func cell<Cell>(
    _ name: String, _ labels: [(String, String)], _ kind: MetricFamily.Kind, _ known: (Source) -> Cell?,
    _ make: () -> (Cell, Source)
  ) -> Cell {
    let labels = ExpositionWriter.labels(labels)
    return state.withLock { state in
      if let source = state.series[name]?[labels] { return known(source) ?? make().0 }
      if !state.families.contains(where: { $0.name == name }) { state.families.append(MetricFamily(name, kind, name)) }
      let (cell, source) = make()
      state.series[name, default: [:]][labels] = source
      return cell
    }
  }

  /// Series stay: a counter that is made again goes on.
  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}
}
