/// Finds, among many patterns, those that may match a text: by the bytes before their first wildcard. It takes a look-up for
/// each length that these have, however many patterns there are.
struct PrefixIndex<Goal: Sendable>: Sendable {
  /// By reference, since many are passed by for each that is looked at.
  private final class Entry: Sendable {
    let glob: Glob
    let goal: Goal

    init(_ glob: Glob, _ goal: Goal) {
      self.glob = glob
      self.goal = goal
    }
  }

  /// By the hash of their prefix. Two that share one cost a comparison: it is the pattern that says what it matches.
  private var entries: [UInt64: [Entry]] = [:]
  /// Those of prefixes, the shortest first.
  private var lengths: [Int] = []

  mutating func add(_ glob: Glob, _ goal: Goal) {
    entries[PrefixHash(of: glob.prefix).value, default: []].append(Entry(glob, goal))
    if !lengths.contains(glob.prefix.count) { lengths = (lengths + [glob.prefix.count]).sorted() }
  }

  /// The goals of those that match, in no order. Patterns whose goal is not asked for are not tried.
  func forEachMatch(of text: [UInt8], where isAsked: (Goal) -> Bool = { _ in true }, _ body: (Goal) -> Void) {
    var hash = PrefixHash()
    var position = 0
    for length in lengths {
      guard length <= text.count else { return }
      while position < length {
        hash.take(text[position])
        position += 1
      }
      guard let found = entries[hash.value] else { continue }
      for entry in found where isAsked(entry.goal) && entry.glob.matches(text) { body(entry.goal) }
    }
  }
}

/// A hash of bytes that goes on from prefix to prefix (FNV-1a). For look-ups only whose finds are compared.
struct PrefixHash {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  init() {}

  init(of bytes: [UInt8]) { for byte in bytes { take(byte) } }

  mutating func take(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
}
