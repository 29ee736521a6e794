/// The lines of a file about access that say something.
enum AccessFileLines {
  /// All but empty lines and those that begin with `#`, with their numbers, counted from one.
  static func all(in text: String) -> [(number: Int, line: Substring)] {
    // Both ends of a line are one character to Swift.
    text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.enumerated()
      .compactMap { index, line in line.isEmpty || line.first == "#" ? nil : (index + 1, line) }
  }
}
