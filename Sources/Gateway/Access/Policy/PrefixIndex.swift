/// Finds, among many patterns, those that may match a text: by the bytes before their first wildcard. It takes a look-up for
/// each length that these have, however many patterns there are.
struct PrefixIndex<Goal: Sendable>: Sendable {
  private struct Entry {
    let glob: Glob
    let goal: Goal
  }

  private var entries: [ArraySlice<UInt8>: [Entry]] = [:]
  /// Those there are, the shortest first.
  private var lengths: [Int] = []

  mutating func add(_ glob: Glob, _ goal: Goal) {
    entries[glob.prefix[...], default: []].append(Entry(glob: glob, goal: goal))
    if !lengths.contains(glob.prefix.count) { lengths = (lengths + [glob.prefix.count]).sorted() }
  }

  /// The goals of those that match, in no order.
  func forEachMatch(of text: [UInt8], _ body: (Goal) -> Void) {
    for length in lengths {
      guard length <= text.count else { return }
      guard let found = entries[text[..<length]] else { continue }
      for entry in found where entry.glob.matches(text) { body(entry.goal) }
    }
  }
}
