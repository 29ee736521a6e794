import ArgumentParser
import EventLoop
import Gateway
import Logging

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the gateway.", discussion: GatewayExit.help)

  @OptionGroup var options: ServeOptions

  func run() async throws { try await reportingFailure { try await serve() } }

  private func serve() async throws {
    let sockets = try ServiceManager.activatedSockets()
    let configuration = try ServeConfiguration(options, sockets: sockets)
    let sink = LogSink()
    defer { sink.flush() }
    let threshold = LogThreshold(configuration.logLevel)
    let gatewayLog = GatewayLog(sink, format: configuration.logFormat, threshold: threshold)
    let log = gatewayLog.logger

    let group = try GatewayProcess.loops(configuration)
    let lifecycle = Lifecycle(on: group.loops[0])
    let reloader = Reloader(configuration, log: log, threshold: threshold) { [options] () throws(StartFailure) in
      try ServeConfiguration(options, sockets: sockets)
    }
    try await lifecycle.start(onReload: { Task { await reloader.reload() } })
    let activity = configuration.exitOnIdle > 0 ? ActivityMeter() : nil
    let process = try await GatewayProcess.start(configuration, on: group, log: gatewayLog) { gateway in
      reloader.adopt(&gateway)
      gateway.controls = ControlActions(quit: { await lifecycle.end() }, reload: { await reloader.reload() })
      gateway.activity = activity
    }
    await reloader.attach(process.gateway)
    ServiceManager.notify("READY=1")
    if configuration.isLocal { Self.greet(process.addresses[0], isSecure: configuration.listeners[0].tls != nil) }
    ProgramText.release()
    if let activity {
      Task {
        try await activity.waitUntilIdle(for: configuration.exitOnIdle)
        log.info("idle", metadata: ["for": "\(configuration.exitOnIdle)s"])
        await lifecycle.end()
      }
    }

    await lifecycle.signals(1)
    ServiceManager.notify("STOPPING=1")
    let last = await reloader.current
    let cut = await process.end(after: last.shutdownDelay, within: last.drainTimeout) { await lifecycle.signals(2) }
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
