import HTTPCore
import HTTPTransport

extension AdminAPI {
  /// Refuses a call that no rule allows, before the service is asked anything.
  func authorise(_ call: AdminCall, _ row: AdminRoute) throws(Problem) {
    guard access.isOn else { return }
    guard let record = call.exchange.attachment as? RequestRecord else { throw Problem(403, "nobody has asked") }
    let identity = record.identity
    for (right, target) in row.needs(call.subject) {
      guard let refusal = access.refusal(record, right, target) else { continue }
      throw forbidden(refusal, call)
    }
    // Those who may read something see of a list what they may read.
    if row.id == "listRepos", !access.readsAnything(identity),
      let refusal = access.refuse(Access.refusal(identity, .read, .namespace(call.namespace)), record)
    {
      throw forbidden(refusal, call)
    }
  }

  private func forbidden(_ refusal: ProxyError, _ call: AdminCall) -> Problem {
    let record = call.exchange.attachment as? RequestRecord
    if let challenges = record?.challenges, !challenges.isEmpty {
      let error = ProxyError(CredentialRefusal(.missing, refusal.text), isAsking: true)
      record?.failure = error
      var problem = Problem(error.status, error.text)
      problem.name = error.code.rawValue.uppercased()
      problem.challenges = challenges
      return problem
    }
    record?.failure = refusal
    var problem = Problem(refusal.status, refusal.text)
    problem.name = "FORBIDDEN"
    return problem
  }
}

extension AdminCall {
  var subject: AdminSubject {
    AdminSubject(
      namespace: namespace, parameters: parameters, newName: body.string("name"),
      newNamespace: body.string("namespace"), includesToken: query.isOn("include_token"),
      purgedRepo: AdminAPI.purgedRepo(self))
  }
}

/// What a call is about, as far as rules ask.
struct AdminSubject {
  let namespace: String
  let parameters: [String: String]
  /// The name that the body gives to a repo, or to a namespace.
  var newName: String?
  var newNamespace: String?
  var includesToken = false
  var purgedRepo: RepoKey?
}

extension AdminRoute {
  /// What a call takes. One that is not named here takes all.
  func needs(_ subject: AdminSubject) -> [(Right, AccessTarget)] {
    let repo = AccessTarget.repo(RepoKey(namespace: subject.namespace, name: subject.parameters["name"] ?? ""))
    let newRepo = AccessTarget.repo(RepoKey(namespace: subject.namespace, name: subject.newName ?? ""))
    let ofPath = AccessTarget.namespace(subject.parameters["namespace"] ?? "")
    func making(_ target: AccessTarget) -> [(Right, AccessTarget)] {
      // The first token of a repo is one of the upstream's.
      [(.create, target)] + (subject.includesToken ? [(.admin, target)] : [])
    }
    switch id {
    // Of a list everybody sees what he may read.
    case "getDocument", "listRepos": return []
    case "getRepo", "getLog", "getCommit", "getTree", "getBlob", "getFile", "getRaw": return [(.read, repo)]
    case "createRepo": return making(newRepo)
    case "ensureRepo", "importRepo": return making(repo)
    case "forkRepo": return [(.read, repo)] + making(newRepo)
    case "deleteRepo", "listTokens", "createToken": return [(.admin, repo)]
    // Of which repo a token is, its id does not tell.
    case "revokeToken": return [(.admin, .namespace(subject.namespace))]
    case "getNamespace": return [(.read, ofPath)]
    case "deleteNamespace": return [(.admin, ofPath)]
    case "createNamespace": return [(.admin, .namespace(subject.newNamespace ?? ""))]
    case "purgeCache": return [(.admin, subject.purgedRepo.map { .repo($0) } ?? .gateway)]
    default: return [(.admin, .gateway)]
    }
  }

  /// What a request takes, as far as its line tells: of what a body would name, the namespace alone.
  static func needs(
    _ method: HTTPCore.Method, _ path: String, _ query: Substring?, defaultNamespace: String
  ) -> [(Right, AccessTarget)]? {
    guard var segments = try? AdminPath(path).segments[...] else { return nil }
    var namespace = defaultNamespace
    let isScoped = segments.first == "namespaces" && segments.count >= 3
    if isScoped {
      namespace = segments[1]
      segments = segments.dropFirst(2)
    }
    let method = method == .head ? .get : method
    let rows = table.filter { (!isScoped || $0.isInNamespace) && $0.matches(segments) }
    guard let row = rows.first(where: { $0.method == method }), let parameters = try? row.parameters(of: segments),
      let query = try? AdminQuery(query, row.query)
    else { return nil }
    var subject = AdminSubject(namespace: namespace, parameters: parameters)
    subject.includesToken = query.isOn("include_token")
    subject.purgedRepo = query["repo"].flatMap { AdminAPI.repo($0, in: namespace) }
    return row.needs(subject)
  }
}
