import ArtifactsAPI

/// Who may come with which static token: a file with an entry a line, `name:SHA-256 of the secret:expiry or -`.
///
/// A plain SHA-256 is right here, where it would not be for a password: the secret has 256 random bits, and nobody can try
/// them out.
package struct TokenTable: Sendable {
  package struct Entry: Hashable, Sendable {
    package let name: String
    package let hash: Fingerprint
    /// Seconds since 1970 from which on it is not taken; nil is never.
    package let expiry: Int?

    package init(name: String, hash: Fingerprint, expiry: Int?) {
      self.name = name
      self.hash = hash
      self.expiry = expiry
    }

    /// As it stands in the file.
    package var line: String { "\(name):\(hash):\(expiry.map { UTCTime.text($0) } ?? "-")" }
  }

  /// In the order of the file.
  package private(set) var entries: [Entry] = []
  private var indices: [Fingerprint: Int] = [:]

  /// Most entries in a file.
  private static let entryLimit = 16_384

  package init() {}

  /// Reads the content of the file at `path`. `#` begins a line that does not matter.
  /// - Throws: naming file and line.
  package init(_ text: String, path: String) throws(AccessFileError) {
    for (number, line) in AccessFileLines.all(in: text) {
      func refusal(_ reason: String) -> AccessFileError { AccessFileError("\(path):\(number): \(reason)") }
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { throw refusal("name:hash:expiry is wanted, with - for no expiry") }
      guard Self.isName(parts[0]) else { throw refusal("a name of 1 to 128 of A-Z a-z 0-9 . _ @ - is wanted") }
      guard let hash = Fingerprint(hex: parts[1]) else { throw refusal("64 hexadecimal digits are wanted as hash") }
      var expiry: Int?
      if parts[2] != "-" {
        guard let time = UTCTime.seconds(parts[2]) else {
          throw refusal("an expiry such as 2027-01-31T00:00:00Z, or -, is wanted")
        }
        expiry = time
      }
      guard indices[hash] == nil else { throw refusal("the token stands in line twice") }
      guard entries.count < Self.entryLimit else { throw refusal("more than \(Self.entryLimit) tokens") }
      indices[hash] = entries.count
      entries.append(Entry(name: String(parts[0]), hash: hash, expiry: expiry))
    }
  }

  /// Whether a token may be called so.
  package static func isName(_ text: some StringProtocol) -> Bool {
    (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
          || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "@"), UInt8(ascii: "-")].contains(byte)
      }
  }

  /// Whose a token is.
  ///
  /// The time that this takes tells nothing: what is compared is the hash of what was sent, and nobody can choose that so that
  /// it agrees with another in its first bytes and then go on from there to a secret.
  /// - Parameter now: seconds since 1970.
  func verify(_ secret: Secret, at now: Double) throws(CredentialRefusal) -> VerifiedIdentity {
    guard let index = indices[Fingerprint(of: secret.exposed)] else { throw .wrong("unknown token") }
    let entry = entries[index]
    guard entry.expiry.map({ now < Double($0) }) ?? true else { throw .wrong("expired token \(entry.name)") }
    return VerifiedIdentity(Identity(.token, entry.name), expiry: entry.expiry.map(Double.init))
  }
}
