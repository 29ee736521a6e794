/// The lines of a file about access that say something.
enum AccessFileLines {
  /// All but empty lines and those that begin with `#`, with their numbers, counted from one.
  static func all(in text: String) -> [(number: Int, line: Substring)] {
    text.lines.enumerated().compactMap { index, line in
      line.isEmpty || line.first == "#" ? nil : (index + 1, line)
    }
  }
}
