import FoundationEssentials
import HTTPCore
package import HTTPTransport

/// The Artifacts REST API, typed. Names are upstream's. Confined to its loop.
///
/// Calls that may be made twice are tried up to three times when the service is unreachable, busy (429, 502, 503, 504) or still
/// making the repo (409 with 10301 to 10303); `Retry-After` is honoured up to 30 s.
package final class ArtifactsClient {
  /// What a head holds at most: a token, or a cursor of the service, may be longer than any that makes sense.
  private static let longestTarget = 32_768
  private static let longestToken = 8_192

  private let http: HTTPClient
  let pool: UpstreamPool
  let endpoint: APIEndpoint
  let observer: CallObserver

  package init(_ pool: UpstreamPool, _ endpoint: APIEndpoint, observer: CallObserver = CallObserver()) {
    self.pool = pool
    self.observer = observer
    http = HTTPClient(pool)
    self.endpoint = endpoint
  }

  // MARK: Calls

  /// Makes a call whose answer has a result.
  func result<Result: Decodable>(
    _ type: Result.Type, _ method: HTTPCore.Method, _ path: String, body: [UInt8] = [], isReplayable: Bool
  ) async throws(ArtifactsError) -> Result {
    let response = try await call(method, path, body: body, isReplayable: isReplayable)
    guard let result = try response.envelope(Result.self).result else { throw Self.emptyResult(response) }
    return result
  }

  static func emptyResult(_ response: HTTPResponse) -> ArtifactsError {
    ArtifactsError(.unreadable(status: response.status), "the API answered \(response.status) without a result")
  }

  /// Makes a call, again where that may help. Returns an answer that is a success, its envelope still on.
  /// - Parameter firstByte: how long the answer may take to begin; nil for the usual.
  func call(
    _ method: HTTPCore.Method, _ path: String, body: [UInt8] = [], isReplayable: Bool, firstByte: Duration? = nil
  ) async throws(ArtifactsError) -> HTTPResponse {
    try await retrying(isReplayable) { () async throws(ArtifactsError) in
      let response = try await send(
        method, path, body: body, isReplayable: isReplayable, firstByte: firstByte ?? endpoint.firstByte)
      // Answers without a body, such as 204, have no envelope to look into.
      if response.body.isEmpty, (200..<300).contains(response.status) { return response }
      _ = (200..<300).contains(response.status) ? nil : try response.envelope(Ignored.self)
      return response
    }
  }

  /// Tries until there is an answer, or a failure that no further try would mend.
  func retrying<Answer>(_ isReplayable: Bool, _ attempt: () async throws(ArtifactsError) -> Answer)
    async throws(ArtifactsError) -> Answer
  {
    var backoff = Backoff()
    while true {
      let failure: ArtifactsError
      do throws(ArtifactsError) { return try await attempt() } catch { failure = error }
      guard isReplayable, failure.isTransient, let pause = backoff.next(retryAfter: failure.retryAfter) else {
        throw failure
      }
      do { try await Task.sleep(for: pause) } catch { throw failure }
      observer.retries()
    }
  }

  private func send(
    _ method: HTTPCore.Method, _ path: String, body: [UInt8], isReplayable: Bool, firstByte: Duration
  ) async throws(ArtifactsError) -> HTTPResponse {
    var fields = try credentials()
    fields.append(.accept, "application/json")
    if !body.isEmpty { fields.append(.contentType, "application/json") }
    let target = try target(path)
    try await observer.admits()
    do {
      let response = try await http.send(
        method, target, to: endpoint.base.origin, fields: fields, body: body, isReplayable: isReplayable,
        firstByte: firstByte)
      observer.answered(response.status, response.retryAfter)
      return response
    } catch {
      observer.answered(nil, nil)
      throw ArtifactsError(error)
    }
  }

  // MARK: Parts of a request

  /// The fields that every request carries.
  func credentials() throws(ArtifactsError) -> Fields {
    guard let token = endpoint.token(), !token.isEmpty else {
      throw ArtifactsError(.noCredentials, "no API token is set")
    }
    guard token.exposed.utf8.count <= Self.longestToken, token.exposed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else {
      throw ArtifactsError(.noCredentials, "the API token holds what no token holds")
    }
    return Fields([(.authorization, "Bearer \(token.exposed)"), (.userAgent, "artifacts-gateway")])
  }

  /// - Parameter path: below the account's part of the API, encoded.
  func target(_ path: String) throws(ArtifactsError) -> String {
    let target = "\(endpoint.base.path)/accounts/\(PercentCoding.encode(endpoint.accountID))/artifacts\(path)"
    guard target.utf8.count <= Self.longestTarget else {
      throw ArtifactsError(.refused(status: 414, code: nil, pointer: nil), "a name or cursor is too long")
    }
    return target
  }

  /// `/namespaces/` and these segments, each encoded.
  static func path(_ segments: String...) -> String { path(segments) }

  static func path(_ segments: [String]) -> String {
    "/namespaces" + segments.map { "/" + PercentCoding.encode($0) }.joined()
  }

  /// A query with its question mark; empty when there are no parameters.
  static func query(_ parameters: [(String, String)]) -> String {
    guard !parameters.isEmpty else { return "" }
    return "?" + parameters.map { "\($0.0)=\(PercentCoding.encode($0.1))" }.joined(separator: "&")
  }

  static func encode(_ body: some Encodable) -> [UInt8] {
    // Flat structures of strings, numbers and booleans: nothing in them can fail to encode.
    (try? JSONEncoder().encode(body)).map { Array($0) } ?? []
  }
}
