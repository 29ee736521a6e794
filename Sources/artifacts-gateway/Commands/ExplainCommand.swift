import ArgumentParser
import Gateway
import HTTPCore

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Say whether the rules of an access file allow a request, and why.",
    discussion: """
      For example: artifacts-gateway explain --access-file access.toml token:ci POST /git/web/git-receive-pack \
      --ref refs/heads/main. Exits with 0 when it is allowed and with 1 when it is refused. \(GatewayExit.help)
      """)

  @Argument(help: "Who asks: <source>:<name>, or anonymous.")
  var identity: String

  @Argument(help: "The request's method.")
  var method: String

  @Argument(help: "The request's path, with its query if it has one.")
  var path: String

  @Option(help: "TOML file that says who may do what.")
  var accessFile: String

  @Option(help: "A claim of the identity, <name>=<value>; repeatable.")
  var claim: [String] = []

  @Option(help: "A ref that is pushed to, in full; repeatable.")
  var ref: [String] = []

  @Option(help: "What the push does to its refs: create, update, force or delete.")
  var push = PolicyExplanation.PushKind.update.rawValue

  @Option(help: "The namespace of paths that name none.")
  var namespace = "default"

  @Flag(help: "As one JSON object.")
  var json = false

  func run() async throws { try await reportingFailure { try explain() } }

  private func explain() throws {
    let access = try AccessFile.load(accessFile)
    guard let kind = PolicyExplanation.PushKind(rawValue: push) else {
      throw StartFailure(.validationFailure, "--push is one of create, update, force, delete")
    }
    let identity = try parsedIdentity()
    guard let verb = HTTPCore.Method(rawValue: method.uppercased()),
      let explanation = PolicyExplanation(
        access, identity, verb, path, refs: ref, kind: kind,
        defaultNamespace: namespace)
    else { throw StartFailure(.validationFailure, "\(method) \(path) is nothing that the gateway serves") }
    printLine(json ? Self.json(explanation, identity) : Self.text(explanation, identity))
    if !explanation.isAllowed { throw ExitCode(1) }
  }

  private func parsedIdentity() throws(StartFailure) -> Identity {
    var claims: [String: String] = [:]
    for text in claim {
      guard let mark = text.firstIndex(of: "="), mark != text.startIndex else {
        throw StartFailure(.validationFailure, "--claim \(text) is not <name>=<value>")
      }
      claims[String(text[..<mark])] = String(text[text.index(after: mark)...])
    }
    if identity == "anonymous" { return .anonymous }
    let parts = identity.split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2, let source = Identity.Source(rawValue: parts[0]), source != .anonymous else {
      let sources = Identity.Source.allCases.filter { $0 != .anonymous }.map(\.rawValue).joined(separator: ", ")
      throw StartFailure(
        .validationFailure, "\"\(identity)\" is neither anonymous nor <source>:<name> with a source of \(sources)")
    }
    return Identity(source, parts[1], claims: claims)
  }

  // MARK: What is printed

  private static func text(_ explanation: PolicyExplanation, _ identity: Identity) -> String {
    var lines: [String] = []
    if explanation.parts.isEmpty { lines.append("allowed: it takes no right") }
    for part in explanation.parts {
      let ref = part.ref.map { " \($0)" } ?? ""
      let decided = part.rule.map { "rule \"\($0)\"" } ?? (part.isAllowed ? "there are no rules" : "no rule allows it")
      lines.append(
        "\(part.isAllowed ? "allowed" : "refused"): \(identity) \(part.right.rawValue) \(part.target)\(ref): \(decided)")
      for line in part.lines { lines.append("  rule \"\(line.rule)\": \(line.reason)") }
    }
    if !explanation.isAllowed, explanation.mode == .report { lines.append("mode is report: it is served all the same") }
    return lines.joined(separator: "\n")
  }

  private static func json(_ explanation: PolicyExplanation, _ identity: Identity) -> String {
    let parts = explanation.parts.map { part in
      let rules = part.lines.map { line in
        object([
          ("name", string(line.rule)), ("gives", "\(line.isGiving)"), ("reason", string(line.reason)),
        ])
      }
      return object([
        ("right", string(part.right.rawValue)), ("target", string(part.target.description)),
        ("ref", part.ref.map(string) ?? "null"), ("allowed", "\(part.isAllowed)"),
        ("rule", part.rule.map(string) ?? "null"), ("rules", "[" + rules.joined(separator: ",") + "]"),
      ])
    }
    return object([
      ("allowed", "\(explanation.isAllowed)"), ("identity", string(identity.description)),
      ("mode", string(explanation.mode.rawValue)), ("parts", "[" + parts.joined(separator: ",") + "]"),
    ])
  }

  private static func object(_ pairs: [(String, String)]) -> String {
    "{" + pairs.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
  }

  private static func string(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      default:
        if scalar.value < 0x20 {
          "\\u00\(scalar.value < 0x10 ? "0" : "")\(String(scalar.value, radix: 16))"
        } else {
          String(scalar)
        }
      }
    }
    return "\"\(escaped.joined())\""
  }
}
