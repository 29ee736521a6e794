import ArgumentParser
import HTTPTransport

/// Checks the git of this machine: what of its settings and environment keeps it from the gateway at a URL.
struct GitClientDoctor {
  /// The first version that reads `GIT_CONFIG_COUNT`, which `run` needs.
  private static let wantedVersion = (2, 31)
  /// Above this a push takes so much memory, bytes; git streams what is longer.
  private static let usualPostBuffer = 64 << 20

  let gateway: GatewayURL
  let prefixes: [RemotePrefix]
  let git = GitTool()

  /// The gateway's URL in the form of git's settings.
  private var url: String { "\(gateway)/" }

  func examine(_ diagnosis: inout Diagnosis) async {
    guard let version = await git.run(["--version"]), version.code == 0 else {
      diagnosis.fail("git", "git was not found", next: "install git, 2.31 or later", GatewayExit.configuration)
      return
    }
    let text = version.firstLine
    let numbers = text.split { !$0.isNumber }.compactMap { Int($0) }
    if numbers.count >= 2, (numbers[0], numbers[1]) < Self.wantedVersion {
      diagnosis.warn("git", text, next: "install 2.31 or later for: artifacts-gateway run")
    } else {
      diagnosis.ok("git", text)
    }
    await proxy(&diagnosis)
    await header(&diagnosis)
    await postBuffer(&diagnosis)
    await credentials(&diagnosis)
    await protocols(&diagnosis)
    await rewriting(&diagnosis)
  }

  /// What git would use for the gateway: the value of the setting with the closest URL, or nil.
  private func value(_ key: String, _ options: [String] = []) async -> String? {
    let outcome = await git.run(["config"] + options + ["--get-urlmatch", key, url])
    guard let outcome, outcome.code == 0 else { return nil }
    return outcome.output.split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init)
  }

  private func proxy(_ diagnosis: inout Diagnosis) async {
    let name = "git http.proxy"
    if let proxy = await value("http.proxy") {
      guard !proxy.isEmpty else { return diagnosis.ok(name, "none for \(gateway)") }
      return diagnosis.warn(
        name, "git goes to \(gateway) by way of a proxy", next: "git config --global http.\(url).proxy \"\"")
    }
    let variables = gateway.origin.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
    let exceptions = Settings.environment("no_proxy") ?? Settings.environment("NO_PROXY") ?? ""
    let hosts = exceptions.split { $0 == "," || $0 == " " }.map { $0.hasPrefix(".") ? $0.dropFirst() : $0 }
    let host = gateway.origin.host
    let isException = hosts.contains { $0 == "*" || host == $0 || host.hasSuffix("." + $0) }
    for variable in variables + ["all_proxy", "ALL_PROXY"] where Settings.environment(variable) != nil && !isException {
      return diagnosis.warn(
        name, "\(variable) leads git to \(gateway) by way of a proxy", next: "add \(host) to NO_PROXY")
    }
    diagnosis.ok(name, "none for \(gateway)")
  }

  private func header(_ diagnosis: inout Diagnosis) async {
    let name = "git http.extraHeader"
    guard let header = await value("http.extraHeader"), !header.isEmpty else {
      return diagnosis.ok(name, "none for \(gateway)")
    }
    // Its value is often a token.
    let field = header.prefix { $0 != ":" }
    diagnosis.warn(
      name, "git sends the gateway the field \(field), which is not passed on",
      next: "git config --global http.\(url).extraHeader \"\"")
  }

  private func postBuffer(_ diagnosis: inout Diagnosis) async {
    let name = "git http.postBuffer"
    guard let size = await value("http.postBuffer", ["--type=int"]).flatMap({ Int($0) }) else {
      return diagnosis.ok(name, "git's own")
    }
    if size > Self.usualPostBuffer {
      diagnosis.warn(
        name, "a push takes up to \(size >> 20) MiB of memory, and is not streamed below that",
        next: "git config --global --unset http.postBuffer; the gateway takes pushes in chunks")
    } else {
      diagnosis.ok(name, "\(size) bytes")
    }
  }

  private func credentials(_ diagnosis: inout Diagnosis) async {
    let name = "git credential.helper"
    guard let helper = await value("credential.helper"), !helper.isEmpty else {
      return diagnosis.ok(name, "none for \(gateway)")
    }
    let isManager = helper.split(separator: "/").last?.contains("manager") ?? false
    if isManager && !gateway.origin.isSecure {
      diagnosis.warn(
        name, "Git Credential Manager refuses http:// URLs, should it ever be asked about \(gateway)",
        next: "git config --global credential.\(url).helper \"\"")
    } else {
      diagnosis.ok(name, "\(helper.split(separator: " ").first ?? ""), which the gateway gives no cause to ask")
    }
  }

  private func protocols(_ diagnosis: inout Diagnosis) async {
    let scheme = gateway.origin.isSecure ? "https" : "http"
    let name = "git protocol.allow"
    if let allowed = Settings.environment("GIT_ALLOW_PROTOCOL") {
      if allowed.split(separator: ":").contains(Substring(scheme)) {
        return diagnosis.ok(name, "GIT_ALLOW_PROTOCOL has \(scheme)")
      }
      return diagnosis.fail(
        name, "GIT_ALLOW_PROTOCOL keeps git from \(scheme)", next: "add :\(scheme) to GIT_ALLOW_PROTOCOL",
        GatewayExit.configuration)
    }
    for key in ["protocol.\(scheme).allow", "protocol.allow"] {
      guard let outcome = await git.run(["config", "--get", key]), outcome.code == 0 else { continue }
      if outcome.firstLine != "never" { break }
      return diagnosis.fail(
        name, "\(key) keeps git from \(scheme)", next: "git config --global protocol.\(scheme).allow always",
        GatewayExit.configuration)
    }
    diagnosis.ok(name, "git may use \(scheme)")
  }

  /// Rules of `url.<base>.insteadOf` that lead elsewhere than they should.
  private func rewriting(_ diagnosis: inout Diagnosis) async {
    let name = "git url.insteadOf"
    // A key and a value a record: names of settings end with a line end, and records with NUL (git-config(1), -z).
    let outcome = await git.run(["config", "-z", "--get-regexp", #"^url\..*\.(insteadof|pushinsteadof)$"#])
    let rules = (outcome?.output ?? "").split(separator: "\0").compactMap { Rule($0) }
    if let rule = rules.first(where: { url.hasPrefix($0.prefix) && !$0.base.hasPrefix("\(gateway)") }) {
      return diagnosis.fail(
        name, "requests for \(gateway) are led away to \(rule.base)",
        next: "git config --global --unset-all \"\(rule.key)\"", GatewayExit.configuration)
    }
    for prefix in prefixes {
      // git takes the longest that fits, and of equal ones the first.
      let fitting = rules.filter { prefix.remote.hasPrefix($0.prefix) }
      let longest = fitting.map(\.prefix.utf8.count).max()
      guard let rule = fitting.first(where: { $0.prefix.utf8.count == longest }) else { continue }
      if let chained = rules.first(where: { rule.base.hasPrefix($0.prefix) }) {
        return diagnosis.warn(
          name, "\(rule.prefix) becomes \(rule.base), which is not rewritten again to \(chained.base)",
          next: "git config --global --unset-all \"\(rule.key)\"")
      }
      if !rule.base.hasPrefix("\(gateway)") {
        return diagnosis.warn(
          name, "\(rule.prefix) becomes \(rule.base), which is not the gateway at \(gateway)",
          next: "artifacts-gateway git-config --apply --url \(gateway), or unset \"\(rule.key)\"")
      }
      return diagnosis.ok(name, "\(rule.prefix) becomes \(rule.base)")
    }
    diagnosis.ok(name, "nothing is rewritten; to use the service's own URLs: artifacts-gateway git-config --apply")
  }

  private struct Rule {
    let key: String
    let base: String
    let prefix: String

    init?(_ record: Substring) {
      let parts = record.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let dot = parts[0].lastIndex(of: "."), parts[0].hasPrefix("url."), !parts[1].isEmpty
      else { return nil }
      key = String(parts[0])
      base = String(parts[0][..<dot].dropFirst(4))
      prefix = String(parts[1])
    }
  }
}
