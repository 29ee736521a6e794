import ArgumentParser
import ArtifactsAPI
import EventLoop
import Gateway

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Give out, list and take back the static tokens of a gateway.",
    discussion: "A running gateway takes up a changed file within a second or so. \(GatewayExit.help)",
    subcommands: [Add.self, List.self, Remove.self])

  struct FileOptions: ParsableArguments {
    @Option(help: "File with the tokens (default: the token_file that --access-file names).")
    var file: String?

    @Option(help: "Access file that names the file with the tokens; also ARTIFACTS_GATEWAY_ACCESS_FILE.")
    var accessFile: String?

    func tokenFile() throws(StartFailure) -> TokenFile { try TokenFile.named(file, accessFile: accessFile) }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Make a token and print its secret, which is stored nowhere.",
      discussion: GatewayExit.help)

    @OptionGroup var options: FileOptions

    @Option(help: "How long it is good, such as 12h or 30d (default: for ever).")
    var expires: String?

    @Argument(help: "Whose it is: rules and logs say token:NAME.")
    var name: String

    func run() async throws { try await reportingFailure { try add() } }

    private func add() throws(StartFailure) {
      guard TokenTable.isName(name) else {
        throw StartFailure(.validationFailure, "a name of 1 to 128 of A-Z a-z 0-9 . _ @ - is wanted")
      }
      var expiry: Int?
      if let expires {
        guard let seconds = Settings.seconds(expires), seconds > 0 else {
          throw StartFailure(.validationFailure, "--expires: a time such as 12h or 30d is wanted")
        }
        expiry = Int(WallClock.now) + seconds
      }
      let secret = TokenSecret.make()
      let entry = TokenTable.Entry(name: name, hash: Fingerprint(of: secret.exposed), expiry: expiry)
      try options.tokenFile().update { (text, table) throws(StartFailure) in
        guard !table.entries.contains(where: { $0.name == name }) else {
          throw StartFailure(
            GatewayExit.configuration, "there is a token \(name) already; remove it, or take another name")
        }
        return text + (text.isEmpty || text.hasSuffix("\n") ? "" : "\n") + entry.line + "\n"
      }
      printLine(secret.exposed)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Print the names of the tokens, and until when they are good.",
      discussion: GatewayExit.help)

    @OptionGroup var options: FileOptions

    func run() async throws {
      try await reportingFailure {
        let now = Int(WallClock.now)
        for entry in try options.tokenFile().table().entries {
          let end = entry.expiry.map { "\($0 > now ? "until" : "expired") \(UTCTime.text($0))" } ?? "for ever"
          printLine("\(entry.name)\t\(end)")
        }
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove", abstract: "Take a token back.", discussion: GatewayExit.help)

    @OptionGroup var options: FileOptions

    @Argument(help: "Its name.")
    var name: String

    func run() async throws {
      try await reportingFailure {
        try options.tokenFile().update { (text, table) throws(StartFailure) in
          guard table.entries.contains(where: { $0.name == name }) else {
            throw StartFailure(GatewayExit.configuration, "there is no token \(name)")
          }
          return text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("\(name):") }
            .joined(separator: "\n")
        }
      }
    }
  }
}
