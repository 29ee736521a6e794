/// Something that goes wrong on purpose, written as `ACTION[;target=T[,T...]][;count=N]`.
package struct Fault: Sendable, Equatable, CustomStringConvertible {
  package enum Action: Sendable, Equatable {
    /// Nothing is done, nor the request's body read, for this many milliseconds.
    case latency(Int)
    /// Another answer than the right one; `retryAfter` in seconds.
    case status(Int, retryAfter: Int?)
    /// A 200 with JSON that is none.
    case garbage
    /// An error page, as a proxy in front of the service has them.
    case html(Int)
    /// The request is served, and its reply held back for this many milliseconds.
    case firstByte(Int)
    /// The connection is reset after this many bytes of the reply's body.
    case cut(Int)
    /// Every git token that there is expires before the request is looked at.
    case expireTokens

    /// The request gets no other answer.
    var isAnswer: Bool {
      switch self {
      case .status, .garbage, .html: true
      case .latency, .firstByte, .cut, .expireTokens: false
      }
    }
  }

  package enum Target: String, Sendable, CaseIterable {
    case api, refs
    case uploadPack = "upload-pack"
    case receivePack = "receive-pack"
  }

  package let action: Action
  /// What it is for; everything when empty.
  package let targets: [Target]
  /// How many requests it is still for; nil for all.
  package internal(set) var remaining: Int?

  package static let help =
    "latency=MS, status=CODE[;retry-after=S], garbage, html[=CODE], first-byte=MS, cut=BYTES or expire-tokens; "
    + "then ;target=api|refs|upload-pack|receive-pack (several by comma) and ;count=N"

  private static let longestPause = 600_000
  private static let mostBytes = 1 << 40

  /// Reads a specification. Throws `FaultError`, which says what is wrong with it.
  package init(parsing text: String) throws(FaultError) {
    var pieces = text.split(separator: ";", omittingEmptySubsequences: false).map { piece in
      let parts = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : nil)
    }
    let first = pieces.removeFirst()
    var retryAfter: Int?
    var targets: [Target] = []
    var count: Int?
    for piece in pieces {
      switch piece.name {
      case "retry-after" where first.name == "status":
        retryAfter = try Self.number(piece, in: 0...86_400, text)
      case "target":
        for word in (piece.value ?? "").split(separator: ",", omittingEmptySubsequences: false) {
          guard let target = Target(rawValue: String(word)) else {
            let names = Target.allCases.map(\.rawValue).joined(separator: ", ")
            throw FaultError(text, "target \"\(word)\" is not one of \(names)")
          }
          if !targets.contains(target) { targets.append(target) }
        }
      case "count": count = try Self.number(piece, in: 1...1_000_000, text)
      default: throw FaultError(text, "\"\(piece.name)\" does not go with \"\(first.name)\"")
      }
    }
    switch (first.name, first.value) {
    case ("latency", _): action = .latency(try Self.number(first, in: 0...Self.longestPause, text))
    case ("status", _): action = .status(try Self.number(first, in: 400...599, text), retryAfter: retryAfter)
    case ("garbage", nil): action = .garbage
    case ("html", nil): action = .html(502)
    case ("html", _): action = .html(try Self.number(first, in: 200...599, text))
    case ("first-byte", _): action = .firstByte(try Self.number(first, in: 0...Self.longestPause, text))
    case ("cut", _): action = .cut(try Self.number(first, in: 0...Self.mostBytes, text))
    case ("expire-tokens", nil): action = .expireTokens
    default: throw FaultError(text, "expected \(Self.help)")
    }
    self.targets = targets
    // Without an end nobody would ever get in again.
    remaining = count ?? (action == .expireTokens ? 1 : nil)
  }

  private static func number(
    _ piece: (name: String, value: String?), in range: ClosedRange<Int>, _ text: String
  ) throws(FaultError) -> Int {
    guard let value = piece.value, value.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(value),
      range.contains(number)
    else {
      throw FaultError(text, "\(piece.name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  package func applies(to target: Target) -> Bool { targets.isEmpty || targets.contains(target) }

  /// The specification, with what remains of the count.
  package var description: String {
    let head =
      switch action {
      case .latency(let time): "latency=\(time)"
      case .status(let status, let pause): "status=\(status)" + (pause.map { ";retry-after=\($0)" } ?? "")
      case .garbage: "garbage"
      case .html(let status): "html=\(status)"
      case .firstByte(let time): "first-byte=\(time)"
      case .cut(let count): "cut=\(count)"
      case .expireTokens: "expire-tokens"
      }
    let names = targets.isEmpty ? "" : ";target=" + targets.map(\.rawValue).joined(separator: ",")
    return head + names + (remaining.map { ";count=\($0)" } ?? "")
  }
}

/// A specification of a fault that cannot be read.
package struct FaultError: Error, Equatable, CustomStringConvertible {
  package let description: String

  init(_ text: String, _ reason: String) { description = "fault \"\(text)\": \(reason)" }
}
