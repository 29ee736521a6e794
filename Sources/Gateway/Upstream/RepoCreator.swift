import ArtifactsAPI
import EventLoop

/// Creates repos at their first push: once, however many pushes come at the same time.
actor RepoCreator {
  private let control: ControlPlane
  private let memory: RepoMemory
  private var flights: [RepoKey: Task<Result<Remote, ProxyError>, Never>] = [:]

  nonisolated var unownedExecutor: UnownedSerialExecutor { control.unownedExecutor }

  init(_ control: ControlPlane, memory: RepoMemory) {
    self.control = control
    self.memory = memory
  }

  /// The remote of `repo`, which is created if there is none. Finding out and creating are one flight: whoever comes later
  /// finds the repo.
  func remote(of repo: RepoKey) async throws(ProxyError) -> Remote {
    if let flight = flights[repo] { return try await flight.value.get() }
    let flight = Task { await findOrCreate(repo) }
    flights[repo] = flight
    let result = await flight.value
    flights[repo] = nil
    return try result.get()
  }

  private func findOrCreate(_ repo: RepoKey) async -> Result<Remote, ProxyError> {
    do throws(ProxyError) {
      do throws(ProxyError) { return .success(try await memory.directory.remote(of: repo)) } catch {
        guard error.code == .noSuchRepo else { throw error }
      }
      do throws(ArtifactsError) {
        await memory.replace(repo, with: try await control.createRepo(repo))
      } catch {
        // Somebody else was first; that is as good.
        guard error.isAlreadyThere else { throw ProxyError(error, about: repo, wanting: "create \(repo)") }
      }
      return .success(try await memory.directory.remote(of: repo))
    } catch {
      return .failure(error)
    }
  }
}
