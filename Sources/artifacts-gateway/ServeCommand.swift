import ArgumentParser
import ArtifactsAPI
import ArtifactsEmulator
import EventLoop
import Gateway
import Logging

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the gateway.", discussion: GatewayExit.help)

  @OptionGroup var options: ServeOptions

  func run() async throws { try await reportingFailure { try await serve() } }

  private func serve() async throws {
    let sink = LogSink()
    defer { sink.flush() }
    let log = try options.log.makeLogger(sink)
    let addresses = try options.addresses()
    let threads = try Settings.number(options.threads, "THREADS", in: 0...1024, default: 0)
    let delay = try Settings.seconds(options.shutdownDelay, "SHUTDOWN_DELAY", default: 0)
    let drainTimeout = try Settings.seconds(options.drainTimeout, "DRAIN_TIMEOUT", default: 60)
    let isLocal = try Settings.isOn(options.local, "LOCAL")
    let remote = isLocal ? nil : try options.remoteConfiguration()

    let group: LoopGroup
    do { group = try LoopGroup(count: threads > 0 ? threads : nil) } catch {
      throw StartFailure(GatewayExit.inputOutput, "\(error)")
    }
    let lifecycle = Lifecycle(on: group.loops[0])
    try await lifecycle.start()

    var emulator: ArtifactsEmulator?
    let configuration: GatewayConfiguration
    if let remote {
      configuration = remote
    } else {
      let directory = Settings.text(options.dataDir, "DATA_DIR") ?? "./artifacts-data"
      let token = LocalService.randomToken()
      let service = try await LocalService.start(in: directory, token: token, on: group, log: log)
      emulator = service
      configuration = try options.localConfiguration(base: service.baseURL, token: Secret(token))
    }

    let gateway: Gateway
    do { gateway = try Gateway(configuration, on: group, log: log) } catch {
      throw StartFailure(GatewayExit.configuration, "\(error)")
    }
    var bound: [SocketAddress] = []
    for address in addresses {
      do { bound.append(try await gateway.listen(on: address)) } catch {
        throw StartFailure(GatewayExit.inputOutput, "cannot listen on \(address): \(error)")
      }
    }
    gateway.ready()
    if isLocal { Self.greet(bound) }

    await lifecycle.signals(1)
    let cut = await end(gateway, lifecycle, delay: delay, timeout: drainTimeout, log: log)
    _ = await emulator?.shutdown(grace: .zero)
    if cut > 0 {
      log.warning("transfers cut", metadata: ["count": "\(cut)"])
      throw GatewayExit.cut
    }
  }

  private func end(_ gateway: Gateway, _ lifecycle: Lifecycle, delay: Int, timeout: Int, log: Logger) async -> Int {
    log.info("draining", metadata: ["timeout": "\(timeout)s"])
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
    watch.cancel()
    return cut
  }

  /// The lines that a person would paste next.
  private static func greet(_ addresses: [SocketAddress]) {
    guard let address = addresses.first, let port = address.port else { return }
    let base = "http://localhost:\(port)"
    printLine(
      """
      Ready. Try, in another terminal:
        git clone \(base)/git/hello
        cd hello && echo hi > hi.txt && git add hi.txt && git commit -m "Say hi" && git push
        curl -X PUT \(base)/api/v1/repos/demo
      """)
  }
}
