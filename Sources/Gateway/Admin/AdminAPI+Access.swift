import HTTPTransport

extension AdminAPI {
  /// Refuses a call that no rule allows, before the service is asked anything.
  func authorise(_ call: AdminCall, _ row: AdminRoute) throws(Problem) {
    guard access.isOn else { return }
    let identity = call.identity
    for (right, target) in Self.needs(row.id, call) {
      guard let refusal = access.refusal(identity, right, target) else { continue }
      throw forbidden(refusal, call)
    }
    // Those who may read something see of a list what they may read.
    if row.id == "listRepos", !access.readsAnything(identity),
      let refusal = access.refuse(Access.refusal(identity, .read, .namespace(call.namespace)), identity)
    {
      throw forbidden(refusal, call)
    }
  }

  private func forbidden(_ refusal: ProxyError, _ call: AdminCall) -> Problem {
    (call.exchange.attachment as? RequestRecord)?.failure = refusal
    var problem = Problem(refusal.status, refusal.text)
    problem.name = "FORBIDDEN"
    return problem
  }

  /// What a call takes. One that is not named here takes all.
  private static func needs(_ id: String, _ call: AdminCall) -> [(Right, AccessTarget)] {
    let repo = AccessTarget.repo(call.repo)
    func making(_ target: AccessTarget) -> [(Right, AccessTarget)] {
      // The first token of a repo is one of the upstream's.
      [(.create, target)] + (call.query.isOn("include_token") ? [(.admin, target)] : [])
    }
    func named() -> AccessTarget {
      .repo(RepoKey(namespace: call.namespace, name: call.body.string("name") ?? ""))
    }
    switch id {
    case "getDocument", "listRepos": return []
    case "getRepo", "getLog", "getCommit", "getTree", "getBlob", "getFile", "getRaw": return [(.read, repo)]
    case "createRepo": return making(named())
    case "ensureRepo", "importRepo": return making(repo)
    case "forkRepo": return [(.read, repo)] + making(named())
    case "deleteRepo", "listTokens", "createToken": return [(.admin, repo)]
    // Of which repo a token is, its id does not tell.
    case "revokeToken": return [(.admin, .namespace(call.namespace))]
    case "getNamespace": return [(.read, .namespace(call["namespace"]))]
    case "deleteNamespace": return [(.admin, .namespace(call["namespace"]))]
    case "createNamespace": return [(.admin, .namespace(call.body.string("namespace") ?? ""))]
    case "purgeCache": return [(.admin, purgedRepo(call).map { .repo($0) } ?? .gateway)]
    default: return [(.admin, .gateway)]
    }
  }
}
