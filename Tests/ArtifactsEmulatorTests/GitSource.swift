import EventLoop
import Glibc
import HTTPCore
import HTTPTransport
import Subprocess
import SystemPackage

/// A repository that anybody may clone over smart HTTP from a loopback port, at any path.
struct GitSource {
  let port: UInt16

  /// Serves the repository at `directory` for the length of `body`.
  static func with<Result>(_ directory: String, _ body: (GitSource) async throws -> Result) async throws -> Result {
    let group = try LoopGroup(count: 1)
    let server = HTTPServer(on: group) { _ in Handler(directory) }
    let bound = try await server.listen(on: .v4(0x7f00_0001, port: 0)).address
    func end() async {
      _ = await server.drain(timeout: .zero)
      group.shutdown()
    }
    do {
      guard let port = bound.port else { throw TestFailure("no port") }
      let result = try await body(GitSource(port: port))
      await end()
      return result
    } catch {
      await end()
      throw error
    }
  }

  private final class Handler: RequestHandler {
    private let directory: String

    init(_ directory: String) { self.directory = directory }

    func handle(_ exchange: ServerExchange) async throws {
      let isAdvertisement = exchange.request.method == .get
      let body = try await exchange.readBody(limit: 1 << 20)
      let output = try await Self.uploadPack(
        [isAdvertisement ? "--http-backend-info-refs" : "--stateless-rpc", directory], body)
      let banner = isAdvertisement ? Array("001e# service=git-upload-pack\n0000".utf8) : []
      let kind = isAdvertisement ? "advertisement" : "result"
      try await exchange.respond(
        status: 200, fields: Fields([(.contentType, "application/x-git-upload-pack-\(kind)")]), body: banner + output)
    }

    @concurrent private static func uploadPack(_ arguments: [String], _ body: [UInt8]) async throws -> [UInt8] {
      let result = try await run(
        .name("git"), arguments: Arguments(["upload-pack"] + arguments),
        environment: .custom(["PATH": String(cString: getenv("PATH")), "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/"]),
        input: .array(body), output: .bytes(limit: 1 << 20), error: .discarded)
      return result.standardOutput
    }
  }
}
