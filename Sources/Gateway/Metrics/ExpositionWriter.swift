/// Writes metrics in the text format of Prometheus, version 0.0.4.
struct ExpositionWriter {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private(set) var text = ""

  /// What stands above the samples of a family.
  mutating func begin(_ family: MetricFamily) {
    text += "# HELP \(family.name) \(Self.escaped(family.help, quotes: false))\n"
    text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
  }

  /// - Parameter labels: as `labels(_:)` writes them.
  mutating func sample(_ name: String, _ labels: String, _ value: Int64) {
    text += "\(name)\(Self.braced(labels)) \(value)\n"
  }

  mutating func sample(_ name: String, _ labels: String, _ value: Double) {
    text += "\(name)\(Self.braced(labels)) \(Self.number(value))\n"
  }

  mutating func histogram(_ name: String, _ labels: String, _ cell: HistogramCell) {
    let counts = cell.cumulativeCounts
    let comma = labels.isEmpty ? "" : ","
    for (index, count) in counts.enumerated() {
      let bound =
        index < HistogramCell.bounds.count ? Self.number(Double(HistogramCell.bounds[index]) / 1e9) : "+Inf"
      sample("\(name)_bucket", "\(labels)\(comma)le=\"\(bound)\"", count)
    }
    sample("\(name)_sum", labels, cell.sum)
    sample("\(name)_count", labels, counts.last ?? 0)
  }

  /// `name="value"` pairs between commas, without braces.
  static func labels(_ pairs: [(String, String)]) -> String {
    pairs.map { "\($0.0)=\"\(escaped($0.1, quotes: true))\"" }.joined(separator: ",")
  }

  private static func braced(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

  /// As Prometheus reads numbers: whole ones without a fraction, and words for what is none.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  /// A backslash and a line feed are escaped everywhere, a quote in values of labels.
  private static func escaped(_ text: String, quotes: Bool) -> String {
    text.unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "\\": result += #"\\"#
      case "\n": result += #"\n"#
      case "\"" where quotes: result += #"\""#
      default: result.unicodeScalars.append(scalar)
      }
    }
  }
}
