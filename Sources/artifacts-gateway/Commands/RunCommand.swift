import ArgumentParser
import EventLoop
import Gateway
import Logging

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a command whose git goes through a gateway of its own, which ends with it.",
    usage: "artifacts-gateway run [<options>] -- <command> [<argument> ...]",
    discussion: """
      The gateway listens on a free port of this machine. The command's environment leads its git there, by \
      GIT_CONFIG_COUNT, and has ARTIFACTS_GATEWAY_URL; it has no API token. No file is changed.

      Exit codes: those of the command, 128 and the signal's number when a signal ended it, 126 when it cannot be \
      executed, 127 when it is not found; 64 usage, 65 bad configuration, 74 I/O, 77 credentials when the gateway does \
      not start.
      """)

  @OptionGroup var options: ServeOptions

  @Argument(parsing: .postTerminator, help: "The command and its arguments.")
  var command: [String] = []

  func validate() throws {
    if command.isEmpty { throw ValidationError("Say which command to run: artifacts-gateway run -- <command>") }
  }

  func run() async throws { try await reportingFailure { try await serve() } }

  private func serve() async throws {
    var options = self.options
    // A port that others know of may be taken by the gateway that they know.
    if options.listen.isEmpty { options.listen = ["127.0.0.1:0"] }
    let configuration = try ServeConfiguration(options, standard: .command)
    let sink = LogSink()
    defer { sink.flush() }
    let log = GatewayLog(
      sink, format: configuration.logFormat, threshold: LogThreshold(configuration.logLevel))

    let group = try GatewayProcess.loops(configuration)
    let signals = SignalForwarder(on: group.loops[0])
    let defaults = try await signals.start()
    let process = try await GatewayProcess.start(configuration, on: group, log: log)
    let environment = try environment(process, configuration)

    let code = await run(environment, defaults, signals)
    _ = await process.end(within: configuration.drainTimeout) { await signals.hurry() }
    if code != 0 { throw ExitCode(code) }
  }

  /// Runs the command to its end. Returns its code.
  private func run(_ environment: CommandEnvironment, _ defaults: [CInt], _ signals: SignalForwarder) async -> Int32 {
    do throws(ChildProcess.SpawnFailure) {
      let child = try ChildProcess(command, environment: environment.entries, defaults: defaults)
      await signals.forward(to: child.id)
      await child.waitUntilEnded()
      await signals.stopForwarding()
      return child.reap()
    } catch {
      await signals.stopForwarding()
      printLine("artifacts-gateway: \(error.message)", to: 2)
      return error.code
    }
  }

  private func environment(_ process: GatewayProcess, _ configuration: ServeConfiguration) throws(StartFailure)
    -> CommandEnvironment
  {
    guard let gateway = process.localURL else {
      throw Settings.refusal("listen", "git needs an address with a port, in the clear", in: configuration.found)
    }
    let prefixes = configuration.remotePrefixes(process.configuration)
    var environment = CommandEnvironment(ProcessEnvironment.entries)
    try environment.add(GitSettings(gateway: gateway, prefixes: prefixes))
    environment.addLoopbackToNoProxy()
    environment[Settings.variable("url")] = gateway
    return environment
  }
}
