import ArgumentParser
import EventLoop
import Gateway

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the gateway.", discussion: GatewayExit.help)

  @OptionGroup var options: ServeOptions

  func run() async throws { try await reportingFailure { try await serve() } }

  private func serve() async throws {
    let configuration = try ServeConfiguration(options, sockets: ServiceManager.activatedSockets())
    let sink = LogSink()
    defer { sink.flush() }
    let log = LogOptions.makeLogger(sink, configuration.logFormat, configuration.logLevel)

    let group = try GatewayProcess.loops(configuration)
    let lifecycle = Lifecycle(on: group.loops[0])
    try await lifecycle.start()
    let process = try await GatewayProcess.start(configuration, on: group, log: log)
    ServiceManager.notify("READY=1")
    if configuration.isLocal { Self.greet(process.addresses[0], isSecure: configuration.listeners[0].tls != nil) }

    await lifecycle.signals(1)
    ServiceManager.notify("STOPPING=1")
    let cut = await process.end(after: configuration.shutdownDelay, within: configuration.drainTimeout) {
      await lifecycle.signals(2)
    }
    if cut > 0 { throw GatewayExit.cut }
  }

  /// The lines that a person would paste next.
  private static func greet(_ address: SocketAddress, isSecure: Bool) {
    guard let port = address.port else { return }
    let base = "\(isSecure ? "https" : "http")://localhost:\(port)"
    printLine(
      """
      Ready. Try, in another terminal:
        git clone \(base)/git/hello
        cd hello && echo hi > hi.txt && git add hi.txt && git commit -m "Say hi" && git push
        curl -X PUT \(base)/api/v1/repos/demo
      """)
  }
}
