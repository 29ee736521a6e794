import HTTPCore

/// A path below `/api/v1`, taken apart.
struct AdminPath {
  /// Decoded: a slash that was encoded is part of its segment, and goes upstream encoded again.
  let segments: [String]

  /// - Throws: 400 for a broken encoding, an empty segment, and for `.` and `..`, which a server on the way may resolve.
  init(_ path: String) throws(Problem) {
    var raw = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    if raw.last == "" { raw.removeLast() }
    var segments: [String] = []
    for segment in raw {
      guard let text = PercentCoding.decode(segment) else {
        throw Problem(400, "the path is not percent-encoded UTF-8", pointer: "/path")
      }
      guard !text.isEmpty,
        !text.split(separator: "/", omittingEmptySubsequences: false).contains(where: { $0 == "." || $0 == ".." })
      else { throw Problem(400, "the path has an empty segment, or one that is . or ..", pointer: "/path") }
      segments.append(text)
    }
    self.segments = segments
  }
}
