import FoundationEssentials
import Glibc

/// The tokens of one repo on disk: one JSON object a line, a later line about the same id replacing an earlier one.
///
/// Secrets stand in it as they are. Hashing them would gain nothing here: whoever can read this file (mode 0600 in a
/// 0700 folder) can read and write the repository beside it, and a token opens nothing else.
enum TokenJournal {
  static let mode: mode_t = 0o600
  /// How long an ended token is still listed.
  static let keepEndedSeconds = 30 * 86_400

  /// What the journal says now, in order of creation, and in how many lines. A torn last line is the trace of a crash and
  /// does not count: its writer never got an answer. It is cut off, or the next line would go on with it.
  static func load(_ path: String, at now: Timestamp) throws(StoreError) -> (tokens: [TokenRecord], lines: Int) {
    guard let bytes = try DurableFile.read(path) else { return ([], 0) }
    var tokens: [TokenRecord] = []
    var places: [String: Int] = [:]
    var lines = 0
    let decoder = JSONDecoder()
    let end = bytes.lastIndex(of: 10).map { $0 + 1 } ?? 0
    for line in bytes[..<end].split(separator: 10) {
      lines += 1
      guard let token = try? decoder.decode(TokenRecord.self, from: Data(line)) else {
        throw .damaged(path: path, reason: "line \(lines) is not a token")
      }
      if let place = places[token.id] {
        tokens[place] = token
      } else {
        places[token.id] = tokens.count
        tokens.append(token)
      }
    }
    if end != bytes.count { try DurableFile.cut(path, to: end) }
    return (tokens.filter { isListed($0, at: now) }, lines)
  }

  /// Whether a token still counts, be it only as one that has ended.
  static func isListed(_ token: TokenRecord, at now: Timestamp) -> Bool {
    now < (token.revokedAt ?? token.expiresAt).advanced(bySeconds: keepEndedSeconds)
  }

  /// Whether so many lines are too many to tell of so many tokens: then the journal is written anew instead of added to.
  /// Not at a start, which may have very many journals before it.
  static func isOverfull(lines: Int, tokens: Int) -> Bool { lines > 64 + 2 * tokens }

  static func line(_ token: TokenRecord) -> [UInt8] {
    // Encoding a struct of strings and numbers cannot fail.
    guard let data = try? JSONEncoder().encode(token) else { return [] }
    return Array(data) + [10]
  }
}
