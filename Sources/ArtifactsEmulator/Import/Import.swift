/// One import: a repository elsewhere, and how much of it is wanted.
struct Import: Sendable {
  let url: ImportURL
  var branch: String?
  var depth: Int?
  /// After which the source counts as unreachable.
  var timeLimit: Duration

  /// Fetches into the empty repository at `directory` and points its HEAD where the source's points, or to `branch`.
  ///
  /// With a branch or a depth only that one branch comes, otherwise every ref but the hosts' pull requests, as nobody
  /// clones those. Throws `APIFault`.
  func run(into directory: String) async throws {
    let heads = try await limited(["ls-remote", "--symref", "--", url.text, "HEAD"], in: directory)
    let remoteHead = heads.split(separator: "\n").first?.split(whereSeparator: { $0 == " " || $0 == "\t" })
    var head: String?
    if let remoteHead, remoteHead.count == 3, remoteHead[0] == "ref:", remoteHead[1].hasPrefix("refs/heads/") {
      head = String(remoteHead[1])
    }
    if let branch { head = "refs/heads/\(branch)" }
    var refspecs = ["+refs/*:refs/*", "^refs/pull/*"]
    if branch != nil || depth != nil {
      guard let head else { return }
      refspecs = ["+\(head):\(head)"]
    }
    let depth = depth.map { ["--depth=\($0)"] } ?? []
    let fetch = ["fetch", "--quiet", "--no-write-fetch-head", "--no-tags"] + depth
    do {
      _ = try await limited(fetch + ["--", url.text] + refspecs, in: directory)
    } catch let failure as GitFailure where failure.description.contains("couldn't find remote ref") {
      throw APIFault(status: 404, code: 10200, message: "Branch not found", pointer: "/branch")
    }
    if let head { _ = try await GitCommand.plumbing(["symbolic-ref", "HEAD", head], in: directory).output() }
  }

  /// Runs a git command that talks to the source, by no other scheme than the source's, not even after a redirect.
  private func limited(_ arguments: [String], in directory: String) async throws -> String {
    let settings = ["fetch.unpackLimit=1", "http.lowSpeedLimit=1", "http.lowSpeedTime=60", "credential.helper="]
    var command = GitCommand.plumbing(settings.flatMap { ["-c", $0] } + arguments, in: directory)
    command.allowedProtocol = url.isHTTPS ? "https" : "http"
    do {
      return try await Self.race(command, timeLimit)
    } catch let failure as GitFailure {
      if failure.description.contains("couldn't find remote ref") { throw failure }
      throw APIFault(importing: url, gitSaid: failure.description)
    }
  }

  /// Cancels the command, and so kills it, when its time is up.
  private static func race(_ command: GitCommand, _ limit: Duration) async throws -> String {
    try await withThrowingTaskGroup(of: String.self) { group in
      group.addTask { try await command.output() }
      group.addTask {
        try await Task.sleep(for: limit)
        throw APIFault.unreachable
      }
      defer { group.cancelAll() }
      guard let first = try await group.next() else { throw APIFault.unreachable }
      return first
    }
  }
}
