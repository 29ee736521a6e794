import ArgumentParser
import ArtifactsAPI
import ArtifactsEmulator
import EventLoop
import Gateway
import Logging
import TLS

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the gateway.", discussion: GatewayExit.help)

  @OptionGroup var options: ServeOptions

  func run() async throws { try await reportingFailure { try await serve() } }

  private func serve() async throws {
    let configuration = try ServeConfiguration(options)
    let sink = LogSink()
    defer { sink.flush() }
    let log = LogOptions.makeLogger(sink, configuration.logFormat, configuration.logLevel)

    let group: LoopGroup
    do { group = try LoopGroup(count: configuration.threads > 0 ? configuration.threads : nil) } catch {
      throw StartFailure(GatewayExit.inputOutput, "\(error)")
    }
    let lifecycle = Lifecycle(on: group.loops[0])
    try await lifecycle.start()

    var emulator: ArtifactsEmulator?
    var gatewayConfiguration = configuration.gateway
    if configuration.isLocal {
      let token = LocalService.randomToken()
      let service = try await LocalService.start(
        in: configuration.dataDirectory, token: token,
        imports: ImportRule(allowsLoopbackHTTP: configuration.allowsLoopbackImport), on: group, log: log)
      emulator = service
      gatewayConfiguration = configuration.gateway(forServiceAt: service.address?.port ?? 0, token: Secret(token))
    }

    let gateway: Gateway
    do { gateway = try Gateway(gatewayConfiguration, on: group, log: log) } catch {
      throw StartFailure(GatewayExit.configuration, "\(error)")
    }
    var bound: [SocketAddress] = []
    for listener in configuration.listeners {
      do { bound.append(try await gateway.listen(on: listener)) } catch let error as TLSError {
        throw StartFailure(GatewayExit.configuration, "\(error)")
      } catch {
        throw StartFailure(GatewayExit.inputOutput, "cannot listen on \(listener.address): \(error)")
      }
    }
    gateway.ready()
    ServiceManager.notify("READY=1")
    if configuration.isLocal { Self.greet(bound[0], isSecure: configuration.listeners[0].tls != nil) }

    await lifecycle.signals(1)
    let cut = await end(gateway, lifecycle, configuration, log)
    _ = await emulator?.shutdown(grace: .zero)
    if cut > 0 {
      log.warning("transfers cut", metadata: ["count": "\(cut)"])
      throw GatewayExit.cut
    }
  }

  private func end(
    _ gateway: Gateway, _ lifecycle: Lifecycle, _ configuration: ServeConfiguration, _ log: Logger
  ) async -> Int {
    let delay = configuration.shutdownDelay
    let timeout = configuration.drainTimeout
    log.info("draining", metadata: ["timeout": "\(timeout)s"])
    ServiceManager.notify("STOPPING=1")
    gateway.state.advance(to: .draining)
    if delay > 0 {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { try? await Task.sleep(for: .seconds(delay)) }
        await group.next()
      }
    }
    let watch = Task {
      await lifecycle.signals(2)
      return await gateway.cut()
    }
    let cut = await gateway.drain(timeout: .seconds(timeout))
    // What the second signal cut has ended before the drain could count it.
    if await lifecycle.hasCome(2) { return cut + (await watch.value) }
    watch.cancel()
    return cut
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
