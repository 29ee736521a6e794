/// What the service calls the content of a file.
enum ContentType {
  static let binary = "application/octet-stream"
  private static let text = "text/plain; charset=utf-8"
  /// How many bytes decide.
  static let window = 8000
  private static let longestScalar = 4

  /// Judges the first bytes of a file: text is UTF-8 without a NUL.
  /// - Parameter isWhole: nothing follows, so a character that is cut makes it binary.
  static func sniff(_ bytes: UnsafeRawBufferPointer, isWhole: Bool) -> String {
    let start = bytes.prefix(window)
    guard !start.contains(0) else { return binary }
    let cuts = isWhole && bytes.count <= window ? 0...0 : 0...(longestScalar - 1)
    for cut in cuts where String(validating: start.dropLast(cut), as: UTF8.self) != nil { return text }
    return binary
  }
}
