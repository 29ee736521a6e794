extension GitOperation {
  /// A fetch in protocol v2 that says `arguments` in this order, and by default that it is a clone.
  package static func fetch(
    _ wants: [String] = [id], _ arguments: [String] = ["done"], agent: String = "git/2.39.5",
    session: String? = nil, of repo: String = "demo"
  ) -> HTTPRequest {
    var body = PktLines.line("command=fetch") + PktLines.line("agent=\(agent)")
    if let session { body += PktLines.line("session-id=\(session)") }
    body += PktLines.line("object-format=sha1") + Array("0001".utf8)
    for line in wants.map({ "want \($0)" }) + arguments { body += PktLines.line("\(line)\n") }
    var request = GitOperation.fetch.request(repo, body: body + PktLines.flush)
    request.fields.removeAll { $0.0 == "User-Agent" }
    return request.with("User-Agent", agent)
  }

  /// A question for refs in protocol v2.
  package static func lsRefs(_ arguments: [String] = ["peel", "symrefs"], of repo: String = "demo") -> HTTPRequest {
    let body = PktLines.line("command=ls-refs\n") + PktLines.line("object-format=sha1") + Array("0001".utf8)
    return GitOperation.fetch.request(
      repo, body: body + arguments.flatMap { PktLines.line("\($0)\n") } + PktLines.flush)
  }
}
