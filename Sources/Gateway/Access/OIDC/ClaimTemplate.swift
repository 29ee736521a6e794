/// How the name of an identity is made of claims: the text of one, or text with `{claim}`s in it.
package struct ClaimTemplate: Hashable, Sendable {
  private enum Piece: Hashable {
    case text(String)
    case claim(String)
  }

  /// Bytes of a name.
  private static let longest = 512

  private let pieces: [Piece]

  /// Nil for a brace that stands alone, and for text without any claim: all would have one name.
  package init?(_ text: String) {
    guard text.contains("{") || text.contains("}") else {
      guard !text.isEmpty else { return nil }
      pieces = [.claim(text)]
      return
    }
    var pieces: [Piece] = []
    var rest = text[...]
    while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      guard rest[brace] == "{", let end = rest[brace...].firstIndex(of: "}") else { return nil }
      let claim = rest[rest.index(after: brace)..<end]
      guard !claim.isEmpty, !claim.contains("{") else { return nil }
      if brace > rest.startIndex { pieces.append(.text(String(rest[..<brace]))) }
      pieces.append(.claim(String(claim)))
      rest = rest[rest.index(after: end)...]
    }
    if !rest.isEmpty { pieces.append(.text(String(rest))) }
    self.pieces = pieces
  }

  /// The name that claims make.
  /// - Throws: for a claim that is missing or empty, and for a name that is too long or holds controls.
  package func name(from claims: [String: String]) throws(OIDCRefusal) -> String {
    var name = ""
    for piece in pieces {
      switch piece {
      case .text(let text): name += text
      case .claim(let claim):
        guard let value = claims[claim], !value.isEmpty else { throw OIDCRefusal("it has no \(claim) to be named by") }
        name += value
      }
    }
    guard name.utf8.count <= Self.longest,
      name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) })
    else { throw OIDCRefusal("the name that it makes is too long, or holds controls") }
    return name
  }
}
