/// A file about access that does not do: which, where and why, without anything secret.
package struct AccessFileError: Error, Sendable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
