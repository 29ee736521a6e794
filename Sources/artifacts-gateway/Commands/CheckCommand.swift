import ArgumentParser
import ArtifactsAPI
import EventLoop
import Gateway
import Logging

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check the configuration of serve and print what is in effect, with where each value comes from.",
    discussion: GatewayExit.help)

  @OptionGroup var options: ServeOptions

  @Flag(help: "Also ask the API: mint a read token for some repo and revoke it.")
  var online = false

  func run() async throws { try await reportingFailure { try await check() } }

  private func check() async throws {
    let configuration = try ServeConfiguration(options, sockets: ServiceManager.activatedSockets())
    for found in configuration.found {
      printLine("\(found.key) = \(found.value)  # \(found.origin)")
    }
    if let authentication = configuration.gateway.access.authentication {
      for listener in configuration.listeners {
        let accepted = authentication.accepted(
          on: listener.address, isVerifying: configuration.gateway.bearerVerifier != nil)
        let names = accepted.isEmpty ? "nobody" : accepted.map(\.rawValue).sorted().joined(separator: ", ")
        printLine("# \(listener.address) accepts \(names)")
      }
    }
    if online { try await ask(configuration) }
  }

  private func ask(_ configuration: ServeConfiguration) async throws {
    guard !configuration.isLocal, configuration.gateway.staticToken == nil else {
      throw StartFailure(.validationFailure, "--online is for a gateway that mints tokens at an API")
    }
    let group: LoopGroup
    do { group = try LoopGroup(count: 1) } catch { throw StartFailure(GatewayExit.inputOutput, "\(error)") }
    defer { group.shutdown() }
    let outcome: OnlineCheck.Outcome
    do {
      outcome = try await OnlineCheck.run(configuration.gateway, on: group)
    } catch let error as ArtifactsError {
      let isRefused = error.status == 401 || error.status == 403
      throw StartFailure(isRefused ? GatewayExit.credentials : GatewayExit.unavailable, "the API: \(error)")
    } catch {
      throw StartFailure(GatewayExit.configuration, "\(error)")
    }
    switch outcome {
    case .minted(let repo): printLine("online: a read token for \(repo) was minted and revoked")
    case .noRepo: printLine("online: the API answers; there is no repo in the namespace to mint a token for")
    }
  }
}
