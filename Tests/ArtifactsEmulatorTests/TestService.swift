import ArtifactsEmulator
import Synchronization

/// A clock that stands still until it is moved.
final class ManualClock: Sendable {
  private let time = Mutex(Timestamp(milliseconds: 1_790_000_000_000))

  var now: Timestamp { time.withLock { $0 } }

  func advance(seconds: Int) { time.withLock { $0 = $0.advanced(bySeconds: seconds) } }
}

/// A control plane on a folder of its own, and short ways to ask it.
struct TestService {
  static let token = "test-api-token"
  static let root = "/accounts/0123456789abcdef0123456789abcdef/artifacts"

  let folder: String
  let clock: ManualClock
  let store: Store
  let plane: ControlPlane

  init(in folder: String, clock: ManualClock = ManualClock()) throws {
    self.folder = folder
    self.clock = clock
    store = try Store(path: folder + "/data", clock: { clock.now })
    plane = ControlPlane(store: store, apiToken: Self.token, baseURL: "http://127.0.0.1:9")
  }

  /// Asks with a good token. `path` may carry a query.
  func ask(_ method: String, _ path: String, _ body: String? = nil) async -> Answer {
    let parts = path.split(separator: "?", maxSplits: 1)
    let request = APIRequest(
      method: method, path: Self.root + parts[0], query: parts.count > 1 ? String(parts[1]) : "",
      authorization: "Bearer \(Self.token)", contentType: body == nil ? nil : "application/json",
      body: Array((body ?? "").utf8))
    return Answer(await plane.reply(to: request))
  }

  static func with<Result>(_ body: (TestService) async throws -> Result) async throws -> Result {
    try await withTemporaryFolder { try await body(try TestService(in: $0)) }
  }
}

/// A reply, read.
struct Answer {
  let status: Int
  let contentType: String?
  let text: String

  init(_ reply: APIReply) {
    status = reply.status
    contentType = reply.contentType
    text = String(decoding: reply.body, as: UTF8.self)
  }

  var json: JSONValue? { JSONValue(parsing: Array(text.utf8)) }

  var result: JSONValue? { json?["result"] }
  var info: JSONValue? { json?["result_info"] }
  var items: [JSONValue] { if case .array(let items)? = result { items } else { [] } }
  var names: [String] { items.compactMap { $0["name"]?.text } }
  var ids: [String] { items.compactMap { $0["id"]?.text } }

  var error: JSONValue? {
    guard case .array(let errors)? = json?["errors"] else { return nil }
    return errors.first
  }

  var code: Int? { error?["code"]?.count }
  var message: String? { error?["message"]?.text }
  var pointer: String? { error?["source"]?["pointer"]?.text }
}

extension JSONValue {
  var text: String? { if case .string(let text) = self { text } else { nil } }
  var count: Int? { if case .integer(let count) = self { count } else { nil } }
  var fieldNames: Set<String> { if case .object(let members) = self { Set(members.map(\.name)) } else { [] } }
}
