/// A metric by its name: what it is, for whoever reads the exposition.
package struct MetricFamily: Sendable {
  /// The types of the Prometheus text format.
  package enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  package let name: String
  package let kind: Kind
  /// One line.
  package let help: String
  /// The names of its labels, in their order.
  package let labels: [String]

  package init(_ name: String, _ kind: Kind, _ help: String, labels: [String] = []) {
    self.name = name
    self.kind = kind
    self.help = help
    self.labels = labels
  }
}
