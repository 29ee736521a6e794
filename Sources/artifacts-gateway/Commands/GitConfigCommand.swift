import ArgumentParser
import Glibc

struct GitConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "git-config",
    abstract: "Print, apply or undo the settings that lead git from the service's remotes to a running gateway.",
    discussion: """
      Exit codes: 0 clean, also when there is nothing to undo; 64 usage, 65 bad configuration, or lines that were edited \
      since they were applied; 74 I/O, 77 no account id.
      """)

  enum Action: EnumerableFlag {
    case apply, undo

    static func help(for value: Action) -> ArgumentHelp? {
      value == .apply ? "Add the settings to the file." : "Take them out again: the file is as it was before."
    }
  }

  enum Scope: EnumerableFlag {
    case global, local

    static func help(for value: Scope) -> ArgumentHelp? {
      value == .global ? "The user's file (the default)." : "The file of the repo in the working directory."
    }
  }

  @Flag(help: "What to do instead of printing.")
  var action: Action?

  @Flag(help: "Which file of git's.")
  var scope: Scope?

  @Option(help: "Another file.")
  var file: String?

  @Option(help: "Where the gateway is: http://host:port or https://host:port (default: \(GatewayURL.standard)).")
  var url: String?

  @Option(help: "Cloudflare account id; also CLOUDFLARE_ACCOUNT_ID or CF_ACCOUNT_ID.")
  var accountId: String?

  @Option(help: "Namespace that the gateway calls its own (default: default).")
  var namespace: String?

  @Option(help: "Host that remotes are on, or *.suffix; repeatable (default: *.artifacts.cloudflare.net).")
  var allowRemoteHost: [String] = []

  func validate() throws {
    if file != nil && scope != nil {
      throw ValidationError("--file does not go with --\(scope == .local ? "local" : "global")")
    }
  }

  func run() async throws { try await reportingFailure { try await act() } }

  private func act() async throws(StartFailure) {
    switch action {
    case nil: printLine(String(try settings().text.dropLast()))
    case .apply: try await apply()
    case .undo: try await undo()
    }
  }

  private func settings() throws(StartFailure) -> GitSettings {
    let settings = Settings(file: try ServeConfiguration.file(nil))
    let gateway = try GatewayURL(url, settings)
    guard gateway.socket == nil else { throw settings.refusal("url", "git does not speak to Unix sockets") }
    let account = try settings.value(
      accountId, "account_id", orElse: ["CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"])
    let namespace =
      try settings.value(
        namespace, "namespace", orElse: ["ARTIFACTS_NAMESPACE"], default: "default") ?? ""
    let hosts = try settings.list(allowRemoteHost, "allow_remote_host", default: ["*.artifacts.cloudflare.net"])
    guard let account else {
      throw StartFailure(GatewayExit.credentials, "no account id: set CLOUDFLARE_ACCOUNT_ID or --account-id")
    }
    return GitSettings(
      gateway: gateway.description,
      prefixes: RemotePrefix.onHosts(hosts, account: account, namespace: namespace))
  }

  private func target() async throws(StartFailure) -> GitConfigurationFile {
    if let file { return GitConfigurationFile(file) }
    return scope == .local ? try await .local() : try .global()
  }

  private func apply() async throws(StartFailure) {
    let text = try settings().text
    let target = try await target()
    var isNew = true
    try target.edit { (content) throws(StartFailure) in
      let base: [UInt8]? =
        switch try removal(content, target) {
        case .absent: content
        case .content(let rest): rest
        case .file: nil
        }
      do throws(SealedSection.Broken) {
        let new = try SealedSection.adding(text, to: base)
        isNew = new != content
        return isNew ? .content(new) : .none
      } catch {
        throw StartFailure(GatewayExit.configuration, "\(target.path): \(error)")
      }
    }
    printLine(
      isNew
        ? "applied to \(target.path); to take it back: artifacts-gateway git-config --undo"
        : "already in \(target.path)")
  }

  private func undo() async throws(StartFailure) {
    let target = try await target()
    var isThere = true
    try target.edit { (content) throws(StartFailure) in
      switch try removal(content, target) {
      case .absent:
        isThere = false
        return .none
      case .content(let rest): return .content(rest)
      case .file: return .removal
      }
    }
    printLine(isThere ? "taken out of \(target.path)" : "nothing to undo in \(target.path)")
  }

  private func removal(_ content: [UInt8]?, _ target: GitConfigurationFile) throws(StartFailure)
    -> SealedSection.Removal
  {
    do { return try SealedSection.removing(from: content ?? []) } catch {
      throw StartFailure(
        GatewayExit.configuration,
        "\(target.path): \(error); it is left as it is: take out the lines of artifacts-gateway by hand")
    }
  }
}
