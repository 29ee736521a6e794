import ArgumentParser
import EventLoop
import Gateway
import Logging

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Walk the way from git through the gateway to the API, and say what to do about what is wrong.",
    discussion: """
      Without --url, and without ARTIFACTS_GATEWAY_URL, a gateway is started for the time of the walk; with one, that \
      gateway is asked, and the API is left to it where no API token is at hand.

      Exit codes: 0 nothing failed, 64 usage, 65 bad configuration of the gateway or of git, 69 upstream or gateway \
      unavailable, 74 I/O, 77 credentials; that of the first failure.
      """)

  @OptionGroup var options: ServeOptions

  @Flag(help: "As one JSON object.")
  var json = false

  @Option(help: "Where a running gateway is: http://host:port or https://host:port.")
  var url: String?

  func run() async throws { try await reportingFailure { try await examine() } }

  private func examine() async throws {
    let group: LoopGroup
    do { group = try LoopGroup(count: 1) } catch { throw StartFailure(GatewayExit.inputOutput, "\(error)") }
    let loop = group.loops[0]
    var diagnosis = Diagnosis()
    let named = try namedGateway()

    let configuration = configuration(&diagnosis, isNeeded: named == nil)
    if let configuration, !configuration.isLocal, configuration.gateway.staticToken == nil {
      await ServiceDoctor(configuration: configuration.gateway, loop: loop).examine(&diagnosis)
    }
    var process: GatewayProcess?
    var url = named
    if url == nil, let configuration {
      process = await start(configuration, on: group, &diagnosis)
      url = process?.localURL.flatMap { GatewayURL($0) }
    }
    if let asked = named ?? GatewayURL(GatewayURL.standard) {
      let prefixes = configuration.map { $0.remotePrefixes(process?.configuration ?? $0.gateway) } ?? []
      await GitClientDoctor(gateway: asked, prefixes: prefixes).examine(&diagnosis)
    }
    let caFile = named == nil ? nil : options.caFile ?? Settings.environment(Settings.variable("ca_file"))
    if let url { await GatewayDoctor(url: url, caFile: caFile, loop: loop).examine(&diagnosis) }
    _ = await process?.end(within: 5)
    printLine(json ? diagnosis.json : diagnosis.text)
    if diagnosis.exitCode != .success { throw diagnosis.exitCode }
  }

  /// The gateway that somebody has named, if there is one.
  private func namedGateway() throws(StartFailure) -> GatewayURL? {
    guard url != nil || Settings.environment(Settings.variable("url")) != nil else { return nil }
    let settings = Settings()
    let gateway = try GatewayURL(url, settings)
    guard gateway.socket == nil else { throw settings.refusal("url", "git does not speak to Unix sockets") }
    return gateway
  }

  private func configuration(_ diagnosis: inout Diagnosis, isNeeded: Bool) -> ServeConfiguration? {
    var options = self.options
    if options.listen.isEmpty { options.listen = ["127.0.0.1:0"] }
    do throws(StartFailure) {
      let configuration = try ServeConfiguration(options, standard: .command)
      diagnosis.ok("configuration", configuration.isLocal ? "local mode" : "complete")
      return configuration
    } catch {
      if !isNeeded && error.code == GatewayExit.credentials {
        diagnosis.skip("configuration", "\(error.message); the gateway that was named has what it needs")
      } else {
        diagnosis.fail(
          "configuration", error.message, next: "mend it; artifacts-gateway check shows what is in effect", error.code)
      }
      return nil
    }
  }

  private func start(_ configuration: ServeConfiguration, on group: LoopGroup, _ diagnosis: inout Diagnosis) async
    -> GatewayProcess?
  {
    let log = GatewayLog(LogSink(), format: configuration.logFormat, threshold: LogThreshold(.critical))
    do { return try await GatewayProcess.start(configuration, on: group, log: log) } catch {
      let failure = error as? StartFailure
      diagnosis.fail(
        "gateway", failure?.message ?? "\(error)", next: "mend it, or name a gateway that runs by --url",
        failure?.code ?? GatewayExit.inputOutput)
      return nil
    }
  }
}
