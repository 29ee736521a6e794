import ArtifactsAPI
import EventLoop

/// Creates repos at their first push: once, however many pushes come at the same time.
actor RepoCreator {
  /// What came of asking for a remote.
  struct Answer: Sendable {
    var remote: Result<Remote, ProxyError>
    /// What became of the repo that had to be created; nil when none had, or somebody else has asked for it.
    var creation: AuditEvent.Outcome?
  }

  private let control: ControlPlane
  private let memory: RepoMemory
  private var flights: [RepoKey: Task<Answer, Never>] = [:]

  nonisolated var unownedExecutor: UnownedSerialExecutor { control.unownedExecutor }

  init(_ control: ControlPlane, memory: RepoMemory) {
    self.control = control
    self.memory = memory
  }

  /// The remote of `repo`, which is created if there is none. Finding out and creating are one flight: whoever comes later
  /// finds the repo.
  func remote(of repo: RepoKey) async -> Answer {
    if let flight = flights[repo] { return Answer(remote: await flight.value.remote) }
    let flight = Task { await findOrCreate(repo) }
    flights[repo] = flight
    let answer = await flight.value
    flights[repo] = nil
    return answer
  }

  private func findOrCreate(_ repo: RepoKey) async -> Answer {
    var creation: AuditEvent.Outcome?
    do throws(ProxyError) {
      do throws(ProxyError) { return Answer(remote: .success(try await memory.directory.remote(of: repo))) } catch {
        guard error.code == .noSuchRepo else { throw error }
      }
      do throws(ArtifactsError) {
        await memory.replace(repo, with: try await control.createRepo(repo))
        creation = .done
      } catch {
        // Somebody else was first; that is as good.
        if !error.isAlreadyThere {
          if case .unreachable = error.kind { creation = .unknown } else { creation = .failed }
          throw ProxyError(error, about: repo, wanting: "create \(repo)")
        }
      }
      return Answer(remote: .success(try await memory.directory.remote(of: repo)), creation: creation)
    } catch {
      return Answer(remote: .failure(error), creation: creation)
    }
  }
}
