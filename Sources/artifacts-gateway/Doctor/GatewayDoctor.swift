import ArgumentParser
import EventLoop
import FoundationEssentials
import Gateway
import HTTPTransport
import TLS

/// Checks the way from git through a gateway that runs.
struct GatewayDoctor {
  let url: GatewayURL
  let caFile: String?
  let loop: Loop

  func examine(_ diagnosis: inout Diagnosis) async {
    guard await isReady(&diagnosis) else { return diagnosis.skip("ls-remote", "there is no gateway to ask") }
    let answer = await get("/api/v1/repos?limit=1")
    if let answer, answer.status == 401 {
      return diagnosis.skip(
        "ls-remote", "the gateway asks who one is; try it: git ls-remote \(url)/git/<repo>, with the token as password")
    }
    guard let answer, answer.status == 200 else {
      return diagnosis.skip(
        "ls-remote", "the gateway lists no repos here: \(answer.map { "\($0.status)" } ?? "no answer")")
    }
    guard let list = try? JSONDecoder().decode(RepoList.self, from: Data(answer.body)), let repo = list.repos.first,
      RepoKey.isName(repo.name)
    else {
      return diagnosis.skip("ls-remote", "there is no repo yet; create one: curl -X PUT \(url)/api/v1/repos/demo")
    }
    await listRemote("\(url)/git/\(repo.name)", &diagnosis)
  }

  private struct RepoList: Decodable {
    struct Entry: Decodable {
      let name: String
    }

    let repos: [Entry]
  }

  private func isReady(_ diagnosis: inout Diagnosis) async -> Bool {
    do {
      switch try await ReadinessProbe(url: url, caFile: caFile).ask(for: 0, on: loop) {
      case .ready:
        diagnosis.ok("gateway", "\(url) is ready")
        return true
      case .notReady(let reason):
        diagnosis.fail(
          "gateway", "\(url): \(reason)", next: "start it: artifacts-gateway serve; or say where it is by --url",
          GatewayExit.unavailable)
      }
    } catch {
      diagnosis.fail("gateway", "\(error)", next: "mend the file of --ca-file", GatewayExit.configuration)
    }
    return false
  }

  private func get(_ target: String) async -> HTTPResponse? {
    await Task(executorPreference: loop) {
      try? await GatewayClient(url, on: loop, caFile: caFile, patience: .seconds(30)).get(target)
    }.value
  }

  private func listRemote(_ remote: String, _ diagnosis: inout Diagnosis) async {
    // A peer that says nothing is given up.
    let patience = ["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"]
    let authority = caFile.map { ["-c", "http.sslCAInfo=\($0)"] } ?? []
    guard let outcome = await GitTool().run(patience + authority + ["ls-remote", remote]) else {
      return diagnosis.skip("ls-remote", "there is no git")
    }
    if outcome.code == 0 {
      let count = outcome.output.split(separator: "\n").count
      diagnosis.ok("ls-remote", "git lists \(remote): \(count == 1 ? "1 ref" : "\(count) refs")")
    } else {
      diagnosis.fail(
        "ls-remote", "git ls-remote \(remote): \(outcome.errors.split(separator: "\n").joined(separator: "; "))",
        next: "mend the first check above that failed; the message's request id is in the gateway's log",
        GatewayExit.unavailable)
    }
  }
}
