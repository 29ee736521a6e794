/// A field name known to the program: lower-case ASCII in static memory, compared without allocation.
package struct FieldName: ExpressibleByStringLiteral, Sendable, CustomStringConvertible {
  private let text: StaticString

  package init(stringLiteral text: StaticString) { self.text = text }

  /// The name's bytes; static memory, so they outlive every use.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  package var description: String { text.description }

  // Computed, so that a use is a constant and not a look at a lazily made global.
  package static var accept: FieldName { "accept" }
  package static var allow: FieldName { "allow" }
  package static var authorization: FieldName { "authorization" }
  package static var cacheControl: FieldName { "cache-control" }
  package static var connection: FieldName { "connection" }
  package static var contentEncoding: FieldName { "content-encoding" }
  package static var contentLength: FieldName { "content-length" }
  package static var contentType: FieldName { "content-type" }
  package static var date: FieldName { "date" }
  package static var expect: FieldName { "expect" }
  package static var gitProtocol: FieldName { "git-protocol" }
  package static var host: FieldName { "host" }
  package static var keepAlive: FieldName { "keep-alive" }
  package static var location: FieldName { "location" }
  package static var retryAfter: FieldName { "retry-after" }
  package static var transferEncoding: FieldName { "transfer-encoding" }
  package static var userAgent: FieldName { "user-agent" }
  package static var wwwAuthenticate: FieldName { "www-authenticate" }
}
