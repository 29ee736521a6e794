import ArgumentParser

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
}
