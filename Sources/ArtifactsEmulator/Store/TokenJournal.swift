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

  /// What the journal says now, in order of creation. A torn last line is the trace of a crash and does not count: its
  /// writer never got an answer.
  static func load(_ path: String, at now: Timestamp) throws(StoreError) -> [TokenRecord] {
    guard let bytes = try DurableFile.read(path) else { return [] }
    var tokens: [TokenRecord] = []
    var places: [String: Int] = [:]
    var lines = 0
    let end = bytes.lastIndex(of: 10).map { $0 + 1 } ?? 0
    for line in bytes[..<end].split(separator: 10) {
      lines += 1
      guard let token = try? JSONDecoder().decode(TokenRecord.self, from: Data(line)) else {
        throw .damaged(path: path, reason: "line \(lines) is not a token")
      }
      if let place = places[token.id] {
        tokens[place] = token
      } else {
        places[token.id] = tokens.count
        tokens.append(token)
      }
    }
    let kept = tokens.filter { now < ($0.revokedAt ?? $0.expiresAt).advanced(bySeconds: keepEndedSeconds) }
    if end != bytes.count || lines != kept.count {
      try DurableFile.replace(path, with: kept.flatMap(line), mode: mode)
    }
    return kept
  }

  static func line(_ token: TokenRecord) -> [UInt8] {
    // Encoding a struct of strings and numbers cannot fail.
    guard let data = try? JSONEncoder().encode(token) else { return [] }
    return Array(data) + [10]
  }

  static func append(_ token: TokenRecord, to path: String) throws(StoreError) {
    try DurableFile.append(path, line(token), mode: mode)
  }
}
