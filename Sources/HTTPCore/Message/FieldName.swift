/// A field name known to the program: lower-case ASCII in static memory, compared without allocation.
package struct FieldName: ExpressibleByStringLiteral, Sendable, CustomStringConvertible {
  private let text: StaticString

  package init(stringLiteral text: StaticString) { self.text = text }

  /// The name's bytes; static memory, so they outlive every use.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  package var description: String { text.description }

  package static let accept: FieldName = "accept"
  package static let allow: FieldName = "allow"
  package static let authorization: FieldName = "authorization"
  package static let cacheControl: FieldName = "cache-control"
  package static let connection: FieldName = "connection"
  package static let contentEncoding: FieldName = "content-encoding"
  package static let contentLength: FieldName = "content-length"
  package static let contentType: FieldName = "content-type"
  package static let date: FieldName = "date"
  package static let expect: FieldName = "expect"
  package static let gitProtocol: FieldName = "git-protocol"
  package static let host: FieldName = "host"
  package static let keepAlive: FieldName = "keep-alive"
  package static let location: FieldName = "location"
  package static let retryAfter: FieldName = "retry-after"
  package static let transferEncoding: FieldName = "transfer-encoding"
  package static let userAgent: FieldName = "user-agent"
  package static let wwwAuthenticate: FieldName = "www-authenticate"
}
