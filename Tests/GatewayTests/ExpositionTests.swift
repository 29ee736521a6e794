import CoreMetrics
import Testing

@testable import Gateway

@Suite struct ExpositionTests {
  private static let families = [
    MetricFamily("a_total", .counter, "Text with a \\ and\na second line, and \"quotes\".", labels: ["l"]),
    MetricFamily("b", .gauge, "A level."),
    MetricFamily("c_seconds", .histogram, "Durations.", labels: ["l"]),
  ]

  @Test func `families stand in their order, each with its help, type and samples`() {
    let registry = PrometheusRegistry(Self.families)
    Meter(label: "b", dimensions: [], factory: registry).set(2.5)
    let counter = Counter(label: "a_total", dimensions: [("l", "x")], factory: registry)
    counter.increment(by: 41)
    counter.increment()
    #expect(
      registry.exposition() == """
        # HELP a_total Text with a \\\\ and\\na second line, and "quotes".
        # TYPE a_total counter
        a_total{l="x"} 42
        # HELP b A level.
        # TYPE b gauge
        b 2.5

        """)
  }

  @Test(
    arguments: [
      ("plain", "plain"), ("", ""), ("a\"b", #"a\"b"#), (#"a\b"#, #"a\\b"#), ("a\nb", #"a\nb"#), ("ä}{,=", "ä}{,="),
      ("\r\n", "\r\\n"),
    ])
  func `values of labels are escaped`(value: String, written: String) {
    #expect(ExpositionWriter.labels([("l", value)]) == "l=\"\(written)\"")
  }

  @Test(
    arguments: [
      (0, "0"), (1, "1"), (-3, "-3"), (0.005, "0.005"), (1e15, "1000000000000000"), (.infinity, "+Inf"),
      (-.infinity, "-Inf"), (.nan, "NaN"), (1e300, "1e+300"),
    ] as [(Double, String)])
  func `numbers are written as Prometheus reads them`(value: Double, written: String) {
    #expect(ExpositionWriter.number(value) == written)
  }

  @Test func `a duration is counted in its bucket and in all that are wider`() throws {
    let registry = PrometheusRegistry(Self.families)
    let timer = Timer(label: "c_seconds", dimensions: [("l", "x")], factory: registry)
    // On a bound, just above one, between two, and beyond the last.
    for nanoseconds in [5_000_000, 5_000_001, 300_000_000, 2_000_000_000_000] as [Int64] {
      timer.recordNanoseconds(nanoseconds)
    }
    let lines = registry.exposition().split(separator: "\n")
    for (bound, count) in [("0.005", 1), ("0.01", 2), ("0.25", 2), ("0.5", 3), ("1800", 3), ("+Inf", 4)] {
      #expect(lines.contains("c_seconds_bucket{l=\"x\",le=\"\(bound)\"} \(count)"), "\(bound)")
    }
    #expect(lines.contains("c_seconds_count{l=\"x\"} 4"))
    #expect(lines.contains("c_seconds_sum{l=\"x\"} 2000.310000001"))
    let bounds = lines.compactMap { $0.split(separator: "le=\"").last?.prefix { $0 != "\"" } }.compactMap {
      Double($0)
    }.filter(\.isFinite)
    #expect(bounds.first == 0.005 && bounds.contains(1_800) && bounds == bounds.sorted())
  }

  @Test func `a metric that is made again goes on, on any number of threads`() async {
    let registry = PrometheusRegistry(Self.families)
    await withTaskGroup(of: Void.self) { tasks in
      for _ in 0..<4 {
        tasks.addTask {
          let counter = Counter(label: "a_total", dimensions: [("l", "x")], factory: registry)
          let level = Meter(label: "b", dimensions: [], factory: registry)
          for _ in 0..<10_000 {
            counter.increment()
            level.increment(by: 2)
            level.decrement(by: 1)
          }
        }
      }
    }
    let lines = registry.exposition().split(separator: "\n")
    #expect(lines.contains("a_total{l=\"x\"} 40000"))
    #expect(lines.contains("b 40000"))
  }

  @Test func `a name that nobody announced gets a family of its own, and one of another type disturbs none`() {
    let registry = PrometheusRegistry(Self.families)
    Counter(label: "other", dimensions: [], factory: registry).increment()
    Counter(label: "b", dimensions: [], factory: registry).increment()
    Meter(label: "b", dimensions: [], factory: registry).set(7)
    #expect(registry.exposition().contains("# TYPE other counter\nother 1\n"))
    #expect(registry.exposition().contains("\nb 1\n"))
  }

  @Test func `what others keep is asked for at each exposition`() {
    let registry = PrometheusRegistry(Self.families)
    let asked = Counter(label: "a_total", dimensions: [("l", "asked")], factory: registry)
    registry.observe("b") {
      asked.increment()
      return 3
    }
    _ = registry.exposition()
    #expect(registry.exposition().contains("\nb 3\n"))
    #expect(registry.exposition().contains("a_total{l=\"asked\"} 2\n"))
  }
}
