/// A token or any other text that must not be seen. The only carrier of secrets: it prints as `[redacted]`, in strings,
/// dumps and mirrors alike.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let value: String

  package init(_ value: String) { self.value = value }

  /// The text itself, for the moment it is written to a connection.
  package var exposed: String { value }

  package var isEmpty: Bool { value.isEmpty }
  package var description: String { "[redacted]" }
  package var debugDescription: String { "[redacted]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
