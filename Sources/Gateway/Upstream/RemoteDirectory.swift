import ArtifactsAPI
import EventLoop
package import HTTPTransport

/// Where a repo is: its checked URL and, if the API was asked, its id and whether it takes pushes.
package struct Remote: Hashable, Sendable {
  package let url: OriginURL
  package let id: String?
  /// The service keeps this flag and takes pushes all the same: it is the gateway that refuses them.
  package let isReadOnly: Bool

  package init(url: OriginURL, id: String?, isReadOnly: Bool = false) {
    self.url = url
    self.id = id
    self.isReadOnly = isReadOnly
  }
}

/// Turns repos into remotes: from the API's `remote`, checked by the policy and remembered, or from a template.
actor RemoteDirectory {
  private struct Entry {
    var lookup: Task<Result<Remote, ProxyError>, Never>
    /// Monotonic nanoseconds; `.max` while the look-up runs.
    var validUntil: UInt64
  }

  private static let lifetime: UInt64 = 600_000_000_000
  private static let entryLimit = 16_384

  private let control: ControlPlane
  private let policy: RemotePolicy
  private let template: String?
  private let accountID: String
  private var entries: [RepoKey: Entry] = [:]

  nonisolated var unownedExecutor: UnownedSerialExecutor { control.unownedExecutor }

  init(_ control: ControlPlane, policy: RemotePolicy, template: String?, accountID: String) {
    self.control = control
    self.policy = policy
    self.template = template
    self.accountID = accountID
  }

  /// The remote of `repo`. Asked once however many want to know; failures are not remembered.
  func remote(of repo: RepoKey) async throws(ProxyError) -> Remote {
    let now = MonotonicClock.now
    if let entry = entries[repo], now < entry.validUntil { return try await entry.lookup.value.get() }
    if entries.count >= Self.entryLimit { entries = entries.filter { now < $0.value.validUntil } }
    if entries.count >= Self.entryLimit { entries.removeAll() }
    let lookup = Task { await find(repo) }
    entries[repo] = Entry(lookup: lookup, validUntil: .max)
    let result = await lookup.value
    if case .success = result {
      entries[repo]?.validUntil = MonotonicClock.now + Self.lifetime
    } else {
      entries[repo] = nil
    }
    return try result.get()
  }

  /// Forgets a repo: it is gone, or was never there.
  func forget(_ repo: RepoKey) { entries[repo] = nil }

  /// Forgets the repos of a namespace that is gone.
  func forget(namespace: String) { entries = entries.filter { $0.key.namespace != namespace } }

  private func find(_ repo: RepoKey) async -> Result<Remote, ProxyError> {
    do throws(ProxyError) {
      if let template {
        return .success(Remote(url: try policy.check(expand(template, repo)), id: nil))
      }
      let found: Repo
      do throws(ArtifactsError) { found = try await control.getRepo(repo) } catch {
        throw ProxyError(error, about: repo, wanting: "look up \(repo)")
      }
      guard let remote = found.remote else {
        throw ProxyError(.upstreamError, status: 502, "the Artifacts API gave no remote for \(repo)")
      }
      return .success(
        Remote(url: try policy.check(remote), id: found.id, isReadOnly: found.read_only ?? false))
    } catch {
      return .failure(error)
    }
  }

  private func expand(_ template: String, _ repo: RepoKey) -> String {
    // The names are checked: nothing in them means anything in a URL.
    template.replacing("{account}", with: accountID).replacing("{namespace}", with: repo.namespace)
      .replacing("{repo}", with: repo.name)
  }
}

extension String {
  fileprivate func replacing(_ mark: String, with text: String) -> String {
    var result = ""
    var rest = self[...]
    while let brace = rest.firstIndex(of: "{") {
      result += rest[..<brace]
      rest = rest[brace...]
      if rest.hasPrefix(mark) {
        result += text
        rest = rest.dropFirst(mark.count)
      } else {
        result += "{"
        rest = rest.dropFirst()
      }
    }
    return result + rest
  }
}
