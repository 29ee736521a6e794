import ArgumentParser
import ArtifactsAPI
import ArtifactsEmulator
import EventLoop
import Gateway
import Logging

struct EmulatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emulator",
    abstract: "Run the embedded Artifacts service alone: REST under /client/v4, git under /git/<namespace>/<repo>.git.",
    discussion: GatewayExit.help)

  @Option(help: "Address to listen on (default: 127.0.0.1:7090).")
  var listen: String?

  @Option(help: "Where the repos are kept (default: ./artifacts-data).")
  var dataDir: String?

  @Option(help: "File with the API token that callers must present; without one, a token is made up and printed.")
  var apiTokenFile: String?

  @Flag(help: "Let imports come from http:// on this machine too, for tests.")
  var allowLoopbackImport = false

  @Flag(help: "Allow a token file that others than its owner may read.")
  var allowSharedSecretFiles = false

  @Option(help: ArgumentHelp("Something that goes wrong on purpose (repeatable): \(Fault.help).", valueName: "spec"))
  var fault: [String] = []

  @OptionGroup var log: LogOptions

  func run() async throws { try await reportingFailure { try await serve() } }

  private func serve() async throws {
    let settings = Settings()
    let (format, level) = try log.resolve(settings)
    let sink = LogSink()
    defer { sink.flush() }
    let logger = GatewayLog(sink, format: format, threshold: LogThreshold(level)).logger
    let text = try settings.text(listen, "listen", default: "127.0.0.1:7090") ?? ""
    guard let address = SocketAddress(parsing: text), address.isLoopback else {
      throw settings.refusal("listen", "\"\(text)\" is not a loopback address")
    }
    var faults: [Fault] = []
    for text in try settings.list(fault, "fault", default: []) {
      do { faults.append(try Fault(parsing: text)) } catch { throw StartFailure(GatewayExit.configuration, "\(error)") }
    }
    let maybeShared = try settings.isOn(allowSharedSecretFiles, "allow_shared_secret_files")
    let tokenFile = try settings.secretFile(apiTokenFile, "api_token_file", maybeShared: maybeShared)
    let token = try tokenFile?.read().exposed ?? LocalService.randomToken()

    let group: LoopGroup
    do { group = try LoopGroup() } catch { throw StartFailure(GatewayExit.inputOutput, "\(error)") }
    let lifecycle = Lifecycle(on: group.loops[0])
    try await lifecycle.start()
    let imports = ImportRule(allowsLoopbackHTTP: try settings.isOn(allowLoopbackImport, "allow_loopback_import"))
    let directory = try settings.text(dataDir, "data_dir", default: "./artifacts-data") ?? ""
    let emulator: ArtifactsEmulator
    do {
      emulator = try ArtifactsEmulator(
        configuration: .init(
          dataDirectory: directory, apiToken: token, imports: imports, faults: faults, logger: logger))
      try await emulator.start(on: group, listening: address)
    } catch {
      throw StartFailure(GatewayExit.inputOutput, "the embedded service does not start: \(error)")
    }
    logger.info("listening", metadata: ["address": "\(emulator.address ?? address)"])
    if tokenFile == nil {
      printLine("API base: \(emulator.baseURL)/client/v4 (any account id)\nAPI token: \(token)")
    }
    ProgramText.release()
    await lifecycle.signals(1)
    let cut = await emulator.shutdown(grace: .seconds(10))
    if cut > 0 { throw GatewayExit.cut }
  }
}
