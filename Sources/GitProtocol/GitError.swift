/// The forms in which git shows an error to its user once the HTTP status can no longer carry it.
///
/// Every text is made safe first: control characters are escaped, so there is no line break and no terminal sequence
/// in it, and it is cut at 1,000 bytes of UTF-8. The name of the gateway is put in front.
package enum GitError {
  /// Longest text kept, in bytes of UTF-8.
  package static let maxTextBytes = 1_000

  static let source = "artifacts-gateway: "

  /// The pkt-line `ERR artifacts-gateway: <text>`, which git prints after `fatal: remote error:`.
  ///
  /// Legal wherever git expects a pkt-line and sideband has not begun. Source: gitprotocol-pack, pkt-line format.
  package static func errPacket(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    PktLine.append(Array("ERR \(source)\(sanitised(text))".utf8), to: &output)
    return output
  }

  /// A band-3 packet with `artifacts-gateway: <text>`, which git prints after `remote:`.
  ///
  /// Without a newline, as git itself sends it: a client ends the line on its own and would print a blank one.
  /// Legal once sideband has begun. Source: gitprotocol-pack, packfile data.
  package static func bandThree(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    Sideband.error.append(Array("\(source)\(sanitised(text))".utf8), to: &output)
    return output
  }

  /// `text` on one line and at most 1,000 bytes long; a longer one is cut between characters and ends in `...`.
  ///
  /// C0, C1, DEL, line separators and bidirectional controls become `\n`, `\t`, `\r` or `\u{hex}`.
  package static func sanitised(_ text: String) -> String {
    let ellipsis = "..."
    var safe = ""
    // Bytes that stay if the text turns out too long: the ellipsis must still fit.
    var keptBytes = 0
    for scalar in text.unicodeScalars {
      let piece = isUnsafe(scalar) ? escape(scalar) : String(scalar)
      if safe.utf8.count + piece.utf8.count > maxTextBytes {
        return String(Substring(safe.utf8.prefix(keptBytes))) + ellipsis
      }
      safe += piece
      if safe.utf8.count <= maxTextBytes - ellipsis.utf8.count { keptBytes = safe.utf8.count }
    }
    return safe
  }

  /// Directional overrides and isolates can make a terminal show other words than those that were sent.
  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0...0x1f, 0x7f...0x9f, 0x2028...0x202e, 0x2066...0x2069, 0x200e, 0x200f: true
    default: false
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": #"\n"#
    case "\r": #"\r"#
    case "\t": #"\t"#
    default: #"\u{\#(String(scalar.value, radix: 16))}"#
    }
  }
}
