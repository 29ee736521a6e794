import ArtifactsAPI
import ArtifactsEmulator
import EventLoop
import Gateway
import Logging
import Synchronization
import TLS

/// The gateway of this process, with the embedded service behind it in local mode.
struct GatewayProcess {
  let gateway: Gateway
  /// As it is in effect: in local mode with the embedded service as its upstream.
  let configuration: GatewayConfiguration
  /// Where it listens, in the order of the configured listeners.
  let addresses: [SocketAddress]
  /// Where git on this machine finds it in the clear, if there is such an address.
  let localURL: String?
  private let service: ArtifactsEmulator?
  private let log: Logger

  /// The loops that a configuration asks for.
  static func loops(_ configuration: ServeConfiguration) throws(StartFailure) -> LoopGroup {
    do { return try LoopGroup(count: configuration.threads > 0 ? configuration.threads : nil) } catch {
      throw StartFailure(GatewayExit.inputOutput, "\(error)")
    }
  }

  /// Starts it, up to the moment from which it is ready.
  /// - Parameter adjust: changes the gateway's configuration before the start.
  static func start(
    _ configuration: ServeConfiguration, on group: LoopGroup, log gatewayLog: GatewayLog,
    adjust: (inout GatewayConfiguration) -> Void = { _ in }
  ) async throws -> GatewayProcess {
    let log = gatewayLog.logger
    var service: ArtifactsEmulator?
    var effective = configuration.gateway
    if configuration.isLocal {
      let token = LocalService.randomToken()
      let started = try await LocalService.start(
        in: configuration.dataDirectory, token: token,
        imports: ImportRule(allowsLoopbackHTTP: configuration.allowsLoopbackImport), on: group, log: log)
      service = started
      effective = configuration.gateway(forServiceAt: started.address?.port ?? 0, token: Secret(token))
    }
    effective.audit = try audit(configuration, log)
    adjust(&effective)
    let gateway: Gateway
    do { gateway = try Gateway(effective, on: group, log: gatewayLog) } catch {
      throw StartFailure(GatewayExit.configuration, "\(error)")
    }
    var addresses: [SocketAddress] = []
    for listener in configuration.listeners {
      do { addresses.append(try await gateway.listen(on: listener)) } catch let error as TLSError {
        throw StartFailure(GatewayExit.configuration, "\(error)")
      } catch {
        throw StartFailure(GatewayExit.inputOutput, "cannot listen on \(listener.address): \(error)")
      }
    }
    gateway.ready()
    let open = zip(configuration.listeners, addresses).first { listener, address in
      !listener.isAdmin && listener.tls == nil && address.port != nil
    }
    return GatewayProcess(
      gateway: gateway, configuration: effective, addresses: addresses,
      localURL: open.map { "http://\($0.1.reachable)" }, service: service, log: log)
  }

  /// Opens the audit log that a configuration asks for.
  private static func audit(_ configuration: ServeConfiguration, _ log: Logger) throws(StartFailure) -> AuditLog? {
    guard let path = configuration.auditFile else { return nil }
    do throws(SystemError) {
      return try AuditLog(path, limit: configuration.auditMaxSize) {
        log.error("audit lines are lost", metadata: ["file": "\(path)", "reason": "\($0)"])
      }
    } catch {
      throw StartFailure(GatewayExit.inputOutput, "cannot write the audit log \(path): \(error)")
    }
  }

  /// Ends it in order: running transfers may finish, tokens are revoked.
  ///
  /// - Parameters:
  ///   - delay: how long it goes on serving first, seconds.
  ///   - timeout: how long transfers may take from then on, seconds.
  ///   - isHurried: returns when what still runs is to be cut at once.
  /// - Returns: how many transfers were cut.
  func end(after delay: Int = 0, within timeout: Int, isHurried: (@Sendable () async -> Void)? = nil) async -> Int {
    log.info("draining", metadata: ["timeout": "\(timeout)s"])
    gateway.state.advance(to: .draining)
    if delay > 0 { try? await Task.sleep(for: .seconds(delay)) }
    let hurry = Hurry()
    let watch = isHurried.map { isHurried in
      Task {
        await isHurried()
        hurry.hasBegun.store(true, ordering: .releasing)
        return await gateway.cut()
      }
    }
    var cut = await gateway.drain(timeout: .seconds(timeout))
    // What the hurry cut has ended before the drain could count it.
    if hurry.hasBegun.load(ordering: .acquiring) { cut += await watch?.value ?? 0 } else { watch?.cancel() }
    _ = await service?.shutdown(grace: .zero)
    if cut > 0 { log.warning("transfers cut", metadata: ["count": "\(cut)"]) }
    return cut
  }

  private final class Hurry: Sendable {
    let hasBegun = Atomic<Bool>(false)
  }
}

extension SocketAddress {
  /// The address by which this machine reaches what listens here: loopback for a wildcard.
  fileprivate var reachable: SocketAddress {
    switch self {
    case .v4(0, let port): .v4(0x7f00_0001, port: port)
    case .v6(0, 0, let port, _): .v6(0, 1, port: port, scope: 0)
    case .v4, .v6, .unix: self
    }
  }
}
