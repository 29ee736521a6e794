/// HTML. Texts and numbers that are interpolated into a literal of it are escaped; other HTML goes in as it is.
struct Markup: ExpressibleByStringInterpolation, Sendable {
  let text: String

  init(stringLiteral text: String) { self.text = text }

  init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  init(_ parts: [Markup]) { text = parts.reduce(into: "") { $0 += $1.text } }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity + 32 * interpolationCount)
    }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
    mutating func appendInterpolation(_ markups: [Markup]) { for markup in markups { text += markup.text } }
    mutating func appendInterpolation(_ value: String) { Markup.append(escaped: value, to: &text) }
    mutating func appendInterpolation(_ value: Int) { text += "\(value)" }
  }

  /// For content of elements and for attributes between quotes. What steers a terminal or turns the direction of text round
  /// is replaced: it shows as what it is.
  private static func append(escaped value: String, to text: inout String) {
    for scalar in value.unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      case "\u{0}"..<" ", "\u{7f}"..<"\u{a0}", "\u{200e}"..."\u{200f}", "\u{2028}"..."\u{202e}",
        "\u{2066}"..."\u{2069}":
        text.unicodeScalars.append("\u{fffd}")
      default: text.unicodeScalars.append(scalar)
      }
    }
  }
}
