import EventLoop
import FoundationEssentials
import HTTPCore
import HTTPTransport

/// The v4 envelope around every answer. Missing arrays are tolerated.
struct Envelope<Result: Decodable>: Decodable {
  var result: Result?
  var success: Bool?
  var errors: [EnvelopeError]?
  var result_info: ResultInfo?
}

struct EnvelopeError: Decodable {
  struct Source: Decodable { var pointer: String? }
  var code: Int?
  var message: String?
  var source: Source?
}

/// How a list goes on: another page only where there is a cursor that is not empty.
package struct ResultInfo: Decodable, Sendable {
  package var cursor: String?
  package var page: Int?
  package var per_page: Int?
  package var total_pages: Int?
  package var count: Int?
  package var total_count: Int?
}

/// Stands where a result is of no interest.
struct Ignored: Decodable { init(from decoder: any Decoder) {} }

extension HTTPResponse {
  /// Takes the envelope off. Any 2xx with `success` not false is a success, whatever the exact status.
  func envelope<Result: Decodable>(_ type: Result.Type) throws(ArtifactsError) -> Envelope<Result> {
    let isJSON = fields[.contentType].map { $0.lowercased().hasPrefix("application/json") } ?? false
    // The result of a failure is null or missing, so its shape must not matter.
    let failure = isJSON ? try? JSONDecoder().decode(Envelope<Ignored>.self, from: Data(body)) : nil
    guard (200..<300).contains(status), failure?.success != false else {
      throw refusal(failure)
    }
    guard isJSON, let envelope = try? JSONDecoder().decode(Envelope<Result>.self, from: Data(body)) else {
      throw ArtifactsError(
        .unreadable(status: status), "the API answered \(status) with something that is not its JSON")
    }
    return envelope
  }

  private func refusal(_ envelope: Envelope<Ignored>?) -> ArtifactsError {
    guard let envelope else {
      return ArtifactsError(
        .unreadable(status: status), "the API answered \(status) without JSON", retryAfter: retryAfter)
    }
    let error = envelope.errors?.first
    return ArtifactsError(
      .refused(status: status, code: error?.code, pointer: error?.source?.pointer),
      error?.message ?? "the API answered \(status)", retryAfter: retryAfter)
  }

  /// `Retry-After` in seconds or as an HTTP date (RFC 9110 section 10.2.3).
  package var retryAfter: Duration? {
    guard let value = fields[.retryAfter] else { return nil }
    if let seconds = Int(value), seconds >= 0 { return .seconds(min(seconds, 86_400)) }
    guard let date = HTTPDate.parse(value) else { return nil }
    return .seconds(max(0, min(Double(date) - WallClock.now, 86_400)))
  }
}
