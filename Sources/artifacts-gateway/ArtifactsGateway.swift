import ArgumentParser
import EventLoop

/// The command line.
@main
struct ArtifactsGateway: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "artifacts-gateway",
    abstract: "A local HTTP gateway in front of Cloudflare Artifacts: git without tokens.",
    subcommands: [
      ServeCommand.self, EmulatorCommand.self, CheckCommand.self, RunCommand.self, ReadyCommand.self,
      GitConfigCommand.self, DoctorCommand.self, TokenCommand.self, ExplainCommand.self, OpenAPICommand.self,
      VersionCommand.self,
    ],
    defaultSubcommand: ServeCommand.self)

  static func main() async {
    // Before there is a secret in memory, or a thread that could look at the environment.
    if (try? Settings().isOn(false, "allow_core")) != true { CoreDumps.forbid() }
    EnvironmentSecrets.take()
    await main(nil)
  }
}
