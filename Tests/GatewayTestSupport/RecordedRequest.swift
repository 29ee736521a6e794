package import HTTPCore

/// A request as a scripted peer got it.
package struct RecordedRequest: Sendable {
  /// The head as it came over the wire.
  package let text: String
  package let head: RequestHead
  /// The content, without its framing; as far as it has come.
  package var body: [UInt8] = []
  /// The body has come to its end.
  package var isWhole = false
  /// The connection has ended.
  package var isOver = false

  package var authorization: String? { head.fields[.authorization] }
  package var fieldNames: [String] { head.fields.list.map(\.name) }
  /// - Parameter name: lower-case.
  package func field(_ name: String) -> String? { head.fields.list.first { $0.name == name }?.value }
  package var target: String { head.target }
  package var isPost: Bool { head.method == .post }
}
