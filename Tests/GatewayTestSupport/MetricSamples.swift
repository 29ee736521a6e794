/// The samples of an exposition of metrics, by their names and labels as they are written.
package struct MetricSamples: Sendable {
  private let values: [Substring: Double]

  package init(_ text: String) {
    values = text.split(separator: "\n").reduce(into: [:]) { values, line in
      guard !line.hasPrefix("#"), let blank = line.lastIndex(of: " ") else { return }
      values[line[..<blank]] = Double(line[line.index(after: blank)...])
    }
  }

  /// The value of `name{labels}` without the gateway's prefix; nil when it is not there.
  package subscript(name: String) -> Double? { values["artifacts_gateway_\(name)"] ?? values[name[...]] }

  /// How much each of the gateway's counters has grown since `earlier`; those that have not are left out, and so are
  /// durations and bytes, which differ from run to run.
  package func growth(since earlier: MetricSamples) -> [String: Double] {
    values.reduce(into: [:]) { growth, sample in
      let prefix = "artifacts_gateway_"
      guard sample.key.hasPrefix(prefix), sample.key.prefix(while: { $0 != "{" }).hasSuffix("_total"),
        !sample.key.contains("bytes")
      else { return }
      let more = sample.value - (earlier.values[sample.key] ?? 0)
      if more != 0 { growth[String(sample.key.dropFirst(prefix.count))] = more }
    }
  }
}

extension TestGateway {
  package func metrics() async throws -> MetricSamples {
    MetricSamples(try await ask(HTTPRequest("GET", "/metrics")).text)
  }
}
