extension AdminSchema {
  private static let repoMembers = [
    always("id", text), always("name", text), maybe("description", textOrNull), maybe("default_branch", text),
    maybe("created_at", text, "When it was made, ISO 8601."), maybe("updated_at", text),
    maybe("last_push_at", textOrNull),
    maybe("source", textOrNull, "Where a fork or an import came from."),
    maybe("read_only", flag, "The gateway refuses pushes to it."), maybe("remote", text, "Its URL at Artifacts."),
    maybe("status", text, "`ready`, `importing` or `forking`; in lists."),
    maybe("objects", whole, "How many objects a fork copied."),
    always("clone_url", text, "Its URL at this gateway."),
  ]

  static let repo = AdminSchema(name: "Repo", summary: "A repository.", members: repoMembers)

  static let newRepo = AdminSchema(
    name: "NewRepo", summary: "A repository that was just made.",
    members: repoMembers + [maybe("token", text, "Its first token, if `include_token` is true.")])

  static let repoList = AdminSchema(
    name: "RepoList", summary: "A page of repositories.",
    members: [always("repos", list(of: repo)), always("next_cursor", textOrNull, "What to ask the next page with.")])

  static let deleted = AdminSchema(
    name: "Deleted", summary: "What was deleted.", members: [maybe("id", text)])

  static let token = AdminSchema(
    name: "Token", summary: "A token, without its secret.",
    members: [
      always("id", text), maybe("scope", text, "`read` or `write`."),
      maybe("state", text, "`active`, `expired` or `revoked`."), maybe("created_at", text), maybe("expires_at", text),
    ])

  static let tokenList = AdminSchema(
    name: "TokenList", summary: "A page of tokens.",
    members: [
      always("tokens", list(of: token)), always("page", whole), always("per_page", whole),
      always("total_count", whole), always("total_pages", whole),
    ])

  static let newToken = AdminSchema(
    name: "NewToken", summary: "A token that was just minted.",
    members: [
      always("id", text), always("plaintext", text, "The secret, told this once."), maybe("scope", text),
      maybe("expires_at", text),
    ])

  static let revoked = AdminSchema(
    name: "Revoked", summary: "What was revoked.", members: [always("id", text)])

  private static let person: JSONNode = [
    "type": "object", "properties": ["name": ["type": "string"], "email": ["type": "string"]],
  ]

  static let commit = AdminSchema(
    name: "Commit", summary: "A commit.",
    members: [
      always("hash", text), maybe("treeHash", text), maybe("message", text), maybe("author", person),
      maybe("committer", person), always("parents", ["type": "array", "items": ["type": "string"]]),
      maybe("authoredAt", whole, "Seconds since 1970."), maybe("committedAt", whole, "Seconds since 1970."),
    ])

  static let log = AdminSchema(
    name: "Log", summary: "Commits, newest first.", members: [always("commits", list(of: commit))])

  static let treeEntry = AdminSchema(
    name: "TreeEntry", summary: "A direct child of a tree.",
    members: [
      always("name", text), maybe("mode", text), maybe("hash", text),
      maybe("type", text, "`blob`, `exec`, `symlink`, `tree` or `gitlink`."),
    ])

  static let tree = AdminSchema(
    name: "Tree", summary: "A directory.", members: [always("entries", list(of: treeEntry))])

  static let namespace = AdminSchema(
    name: "Namespace", summary: "A set of repositories.",
    members: [
      always("namespace", text, "Its name."), maybe("jurisdiction", text), maybe("repo_count", whole),
      maybe("created_at", text), maybe("updated_at", text),
    ])

  static let namespaceList = AdminSchema(
    name: "NamespaceList", summary: "A page of namespaces.",
    members: [
      always("namespaces", list(of: namespace)), always("next_cursor", textOrNull, "What to ask the next page with."),
    ])

  static let status = AdminSchema(
    name: "Status", summary: "The gateway itself.",
    members: [
      always("state", ["type": "string", "enum": ["starting", "ready", "draining"]]), always("namespace", text),
      always("read_only", flag), always("create_on_push", flag), always("tokens_minted", whole),
    ])

  static let cache = AdminSchema(
    name: "Cache", summary: "The pack cache.",
    members: [
      always("enabled", flag), always("entries", whole, "Packs on the disk."),
      always("bytes", whole, "What they take there."), always("limit_bytes", whole),
      always("flights", whole, "Fetches that are under way, or just over."),
      always("hits", whole, "Fetches answered from the disk."),
      always("joined", whole, "Fetches that shared the answer to another."), always("misses", whole),
      always("bypassed", whole, "Requests that cannot be cached."),
      always("hit_rate", ["type": "number"], "Hits and joined of all that can be cached, 0 to 1."),
      always("saved_bytes", whole, "Bytes of packs that the upstream was not asked for."),
      always("damaged", whole, "Packs that were found bad on the disk, and removed."),
    ])

  static let purged = AdminSchema(
    name: "Purged", summary: "What was forgotten.",
    members: [always("entries", whole), always("bytes", whole)])

  static let problem = AdminSchema(
    name: "Problem", summary: "An error (RFC 9457).",
    members: [
      always("type", text), always("title", text), always("status", whole),
      always("detail", text, "What went wrong."), maybe("code", whole, "The number that Artifacts gives it."),
      maybe("name", text, "The name of that number, such as `ALREADY_EXISTS`."),
      maybe("pointer", text, "The field or parameter at fault."),
      always("request_id", text, "Names the request in the log."),
    ])

  /// Those that the document has.
  static let components = [
    repo, newRepo, repoList, deleted, token, tokenList, newToken, revoked, commit, log, treeEntry, tree, namespace,
    namespaceList, status, cache, purged, problem,
  ]
}
