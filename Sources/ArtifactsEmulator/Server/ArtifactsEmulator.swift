package import EventLoop
import HTTPTransport
package import Logging
import Synchronization
package import TLS

/// The Artifacts service on local disk: REST under `/client/v4`, git under `/git/{namespace}/{repo}.git`.
///
/// For a gateway without an account, and for tests. It answers as the live service was recorded to, also where the
/// documentation says otherwise.
package final class ArtifactsEmulator: Sendable {
  package struct Configuration: Sendable {
    /// Made if it is not there; one process at a time may use it.
    package var dataDirectory: String
    /// What REST clients present as `Authorization: Bearer`. Never logged.
    package var apiToken: String
    /// `http://host:port` that repos' remotes begin with, for clients that reach the service by another name than the
    /// address it listens on.
    package var publicURL: String?
    package var imports: ImportRule
    /// More packs than this in one repo, which pushes leave, are folded into few.
    package var packLimit = 32
    /// What goes wrong from the start.
    package var faults: [Fault]
    package var logger: Logger

    package init(
      dataDirectory: String, apiToken: String, publicURL: String? = nil, imports: ImportRule = ImportRule(),
      faults: [Fault] = [],
      logger: Logger = Logger(label: "artifacts-emulator")
    ) {
      self.dataDirectory = dataDirectory
      self.apiToken = apiToken
      self.publicURL = publicURL
      self.imports = imports
      self.faults = faults
      self.logger = logger
    }
  }

  private struct Running {
    let server: HTTPServer
    let address: SocketAddress
  }

  private let configuration: Configuration
  private let plane: ControlPlane
  /// What goes wrong on purpose.
  package let faults: FaultList
  private let running = Mutex<Running?>(nil)

  /// Opens the data directory, sweeping what a crash left in it. Blocks on the disk. Throws `.inUse` when another process
  /// has it, `.damaged` when it cannot be read.
  package init(configuration: Configuration) throws(StoreError) {
    self.configuration = configuration
    faults = FaultList(configuration.faults)
    let store = try Store(path: configuration.dataDirectory)
    plane = ControlPlane(
      store: store, apiToken: configuration.apiToken, baseURL: configuration.publicURL ?? "",
      imports: configuration.imports,
      upkeep: PackUpkeep(packLimit: configuration.packLimit, logger: configuration.logger))
  }

  /// The data behind the service.
  package var store: Store { plane.store }

  /// Listens on `address`, whose port may be 0, in the clear or under TLS. To be called once.
  package func start(on group: LoopGroup, listening address: SocketAddress, tls: TLSServerContext? = nil) async throws {
    let server = HTTPServer(
      on: group, onTrouble: { [logger = configuration.logger] in logger.warning("\($0)") },
      makeHandler: { [plane, faults, logger = configuration.logger] _ in
        EmulatorHandler(plane: plane, faults: faults, logger: logger)
      })
    let bound = try await server.listen(on: address, tls: tls).address
    if configuration.publicURL == nil { plane.baseURL = "\(tls == nil ? "http" : "https")://\(bound)" }
    running.withLock { $0 = Running(server: server, address: bound) }
  }

  /// Where the service listens; nil before the start and after the end.
  package var address: SocketAddress? { running.withLock { $0?.address } }

  /// `http://host:port`, without a slash at the end. REST is below `/client/v4`.
  package var baseURL: String { plane.baseURL }

  /// Makes a repo with one commit, a `README.md`, unless there is such a repo. Throws `GitFailure` when git fails.
  package func seed(repo name: String, in namespace: String = "default") async throws {
    if (try? await store.repo(name, in: namespace)) != nil { return }
    let (repo, _) = try await store.createRepo(Store.NewRepo(name: name), in: namespace)
    do {
      try await commitReadme(to: repo)
    } catch {
      // An empty repo would count as seeded the next time.
      _ = try? await store.deleteRepo(name, in: namespace)
      throw error
    }
  }

  private func commitReadme(to repo: RepoRecord) async throws {
    func git(_ arguments: [String], given input: [UInt8] = []) async throws -> String {
      try await GitCommand.plumbing(arguments, in: store.gitDirectory(of: repo)).output(given: input)
    }
    let text = "# \(repo.name)\n\nA repository of the embedded Artifacts service. Push to it as you like.\n"
    let blob = try await git(["hash-object", "-w", "--stdin"], given: Array(text.utf8))
    let tree = try await git(["mktree"], given: Array("100644 blob \(blob)\tREADME.md\n".utf8))
    let commit = try await git(["commit-tree", "-m", "First commit", tree])
    _ = try await git(["update-ref", "refs/heads/\(repo.defaultBranch)", commit])
  }

  /// Accepts nothing new, lets running requests end for at most `grace`, cuts the rest and gives the data directory free.
  /// - Returns: how many requests were cut.
  @discardableResult
  package func shutdown(grace: Duration = .zero) async -> Int {
    let ended = running.withLock { state in
      defer { state = nil }
      return state
    }
    let cut = await ended?.server.drain(timeout: grace) ?? 0
    await plane.works.close()
    await plane.upkeep.close()
    store.close()
    return cut
  }
}
