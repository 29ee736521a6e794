import ArgumentParser
import EventLoop

struct ReadyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ready", abstract: "Ask a running gateway whether it is ready: for health checks and init gates.",
    discussion: "Exit codes: 0 ready, 64 usage, 65 bad configuration, 69 not ready, or not there.")

  @Option(
    help: "Where the gateway is: http://host:port, https://host:port or unix:/path (default: \(GatewayURL.standard)).")
  var url: String?

  @Option(help: "How long to go on asking, in seconds or like 30s (default: 0, which asks once).")
  var wait: String?

  @Option(help: "PEM file of certificate authorities to trust instead of the system's.")
  var caFile: String?

  func run() async throws { try await reportingFailure { try await ask() } }

  private func ask() async throws {
    let settings = Settings()
    let probe = ReadinessProbe(url: try GatewayURL(url, settings), caFile: try settings.text(caFile, "ca_file"))
    let seconds = try settings.seconds(wait, "wait", in: 0...86_400, default: "0")
    let group: LoopGroup
    do { group = try LoopGroup(count: 1) } catch { throw StartFailure(GatewayExit.inputOutput, "\(error)") }
    let answer: ReadinessProbe.Answer
    do { answer = try await probe.ask(for: seconds, on: group.loops[0]) } catch {
      throw StartFailure(GatewayExit.configuration, "\(error)")
    }
    guard case .notReady(let reason) = answer else { return printLine("ready: \(probe.url)") }
    throw StartFailure(GatewayExit.unavailable, "not ready: \(probe.url): \(reason)")
  }
}
