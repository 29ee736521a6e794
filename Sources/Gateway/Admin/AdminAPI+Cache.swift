import HTTPCore
import PackCache

extension AdminAPI {
  static let cacheRoutes = [
    AdminRoute(
      .get, "cache", "getCache", .gateway, "Say what the pack cache holds and has saved",
      answers: [.json(200, .cache)], AdminAPI.cache),
    AdminRoute(
      .delete, "cache", "purgeCache", .gateway, "Forget cached packs",
      query: [
        .optional(
          "repo", .repo, "Those of one repository alone: `<repo>` of the default namespace, `<namespace>/<repo>`.")
      ], answers: [.json(200, .purged)], AdminAPI.purgeCache),
  ]

  private struct Cache: Encodable {
    var enabled = false
    var entries = 0
    var bytes = 0
    var limit_bytes = 0
    var flights = 0
    var hits = 0
    var joined = 0
    var misses = 0
    var bypassed = 0
    var hit_rate = 0.0
    var saved_bytes = 0
    var damaged = 0
  }

  private struct Purged: Encodable {
    let entries: Int
    let bytes: Int
  }

  /// Asks nobody.
  func cache(_ call: AdminCall) async throws(Problem) {
    guard let packs = sharing.packs else { return await call.answer(200, Cache()) }
    let (stored, served) = (packs.store.statistics, packs.statistics)
    let asked = served.hits + served.joined + served.misses
    await call.answer(
      200,
      Cache(
        enabled: true, entries: stored.entries, bytes: stored.bytes, limit_bytes: packs.store.limit,
        flights: packs.flightCount, hits: served.hits, joined: served.joined, misses: served.misses,
        bypassed: served.bypasses,
        hit_rate: asked > 0 ? Double(served.hits + served.joined) / Double(asked) : 0, saved_bytes: served.savedBytes,
        damaged: stored.damaged))
  }

  /// The repo whose packs are to be forgotten; nil for all.
  static func purgedRepo(_ call: AdminCall) -> RepoKey? {
    call.query["repo"].flatMap { repo($0, in: call.namespace) }
  }

  /// Reads `<repo>` or `<namespace>/<repo>`.
  static func repo(_ text: String, in namespace: String) -> RepoKey? {
    let names = text.split(separator: "/").map(String.init)
    return names.last.map { RepoKey(namespace: names.count == 2 ? names[0] : namespace, name: $0) }
  }

  func purgeCache(_ call: AdminCall) async throws(Problem) {
    let repo = Self.purgedRepo(call)
    let removed = await sharing.packs?.purge { scope in
      guard let repo else { return true }
      return scope.repo == repo.name && scope.namespace == repo.namespace
    }
    await call.answer(200, Purged(entries: removed?.entries ?? 0, bytes: removed?.bytes ?? 0))
  }
}
