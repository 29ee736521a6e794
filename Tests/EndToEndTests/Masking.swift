import GatewayTestSupport

extension HTTPAnswer {
  /// The body with what differs from run to run replaced by words: ids, secrets, times, cursors and addresses.
  var masked: String {
    text.replacing(/art_v2_x_[0-9a-f]{40}\?expires=[0-9]{10}/, with: "TOKEN")
      .replacing(/"(id|request_id)":"[0-9a-z]{6,16}"/) { "\"\($0.1)\":\"ID\"" }
      .replacing(/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ/, with: "TIME")
      .replacing(/"(cursor|next_cursor)":"[^"]+"/) { "\"\($0.1)\":\"CURSOR\"" }
      .replacing(/http:\/\/(127\.0\.0\.1|localhost)(:\d+)?/, with: "BASE")
  }

  /// The value of the first member of this name whose value is a string.
  func string(_ name: String) throws -> String {
    let parts = text.split(separator: "\"\(name)\":\"", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw TestFailure("no \(name) in \(text)") }
    return String(parts[1].prefix { $0 != "\"" })
  }
}
