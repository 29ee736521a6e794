/// Who may come with which password: the file that `htpasswd -B` writes, `user:bcrypt hash` a line.
package struct PasswordTable: Sendable {
  private var hashes: [String: String] = [:]
  /// Stands in for users that there are not: looking for one takes as long as for others.
  private(set) var decoy: String?

  /// Most entries in a file.
  private static let entryLimit = 16_384
  /// The highest cost taken: above it one look takes seconds.
  private static let costLimit = 14

  package init() {}

  /// Reads the content of the file at `path`. `#` begins a line that does not matter.
  /// - Throws: naming file, line and user.
  package init(_ text: String, path: String) throws(AccessFileError) {
    for (number, line) in AccessFileLines.all(in: text) {
      func refusal(_ reason: String) -> AccessFileError { AccessFileError("\(path):\(number): \(reason)") }
      guard let colon = line.firstIndex(of: ":") else { throw refusal("user:hash is wanted") }
      let user = String(line[..<colon])
      guard (1...128).contains(user.utf8.count),
        !user.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      else { throw refusal("a name of a user of 1 to 128 bytes is wanted") }
      let hash = String(line[line.index(after: colon)...])
      if let kind = Self.otherKind(of: hash) {
        throw refusal("user \"\(user)\": \(kind) is not taken; set the password anew with htpasswd -B")
      }
      guard Self.isBcrypt(hash) else { throw refusal("user \"\(user)\": the hash is no whole bcrypt hash") }
      guard let cost = Int(hash.dropFirst(4).prefix(2)), (4...Self.costLimit).contains(cost) else {
        throw refusal("user \"\(user)\": a bcrypt cost from 4 to \(Self.costLimit) is wanted")
      }
      guard hashes[user] == nil else { throw refusal("user \"\(user)\" stands in line twice") }
      guard hashes.count < Self.entryLimit else { throw refusal("more than \(Self.entryLimit) users") }
      hashes[user] = hash
      decoy = decoy ?? hash
    }
  }

  func hash(of user: String) -> String? { hashes[user] }

  /// What a hash is that is not bcrypt.
  private static func otherKind(of hash: String) -> String? {
    if hash.hasPrefix("$2y$") || hash.hasPrefix("$2b$") { return nil }
    if hash.hasPrefix("$apr1$") || hash.hasPrefix("$1$") { return "MD5" }
    if hash.hasPrefix("{SHA}") || hash.hasPrefix("{SSHA}") { return "SHA-1" }
    if hash.hasPrefix("$5$") || hash.hasPrefix("$6$") { return "crypt with SHA-2" }
    if hash.hasPrefix("$2a$") || hash.hasPrefix("$2x$") { return "an old form of bcrypt" }
    return hash.utf8.count == 13 ? "crypt with DES" : "what is no bcrypt hash"
  }

  private static func isBcrypt(_ hash: String) -> Bool {
    let bytes = Array(hash.utf8)
    guard bytes.count == 60, bytes[6] == UInt8(ascii: "$") else { return false }
    return bytes[7...].allSatisfy { byte in
      (0x2e...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
  }
}
