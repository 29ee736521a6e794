/// The request methods that this program knows (RFC 9110 section 9). All others are answered 501.
package enum Method: String, Sendable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case delete = "DELETE"
  case patch = "PATCH"
  case options = "OPTIONS"
  case connect = "CONNECT"
  case trace = "TRACE"
}

/// How the end of a message body is told (RFC 9112 section 6.3).
package enum BodyFraming: Equatable, Sendable {
  case none
  /// Exactly this many bytes.
  case length(Int)
  case chunked
  /// Until the peer closes. Responses only.
  case untilClose
}

/// The head of a request, as it was read or as it is to be written.
package struct RequestHead: Sendable {
  package var method: Method
  /// Origin-form: an absolute path with its query, raw as it came. An absolute-form target has been brought to this.
  package var target: String
  package var fields: Fields
  package var framing: BodyFraming
  /// HTTP/1.1, not 1.0.
  package var isVersion11 = true
  /// The connection may carry another request after this one.
  package var keepsAlive = true
  /// The client waits for 100 before it sends the body.
  package var expectsContinue = false

  package init(_ method: Method, _ target: String, fields: Fields = Fields(), framing: BodyFraming = .none) {
    self.method = method
    self.target = target
    self.fields = fields
    self.framing = framing
  }

  /// The target up to its query.
  package var path: Substring {
    target.utf8.firstIndex(of: UInt8(ascii: "?")).map { target[..<$0] } ?? target[...]
  }

  /// What follows the first question mark, or nil.
  package var query: Substring? {
    target.utf8.firstIndex(of: UInt8(ascii: "?")).map { target[target.utf8.index(after: $0)...] }
  }
}

/// The head of a response, as it was read or as it is to be written.
package struct ResponseHead: Sendable {
  /// 100...599.
  package var status: Int
  package var fields: Fields
  package var framing: BodyFraming
  /// The connection may carry another exchange after this one.
  package var keepsAlive = true

  package init(status: Int, fields: Fields = Fields(), framing: BodyFraming = .none) {
    self.status = status
    self.fields = fields
    self.framing = framing
  }
}

/// A message that breaks the rules, and the status that RFC 9110 or 9112 names for it when it was a request.
package struct HTTPParseError: Error, Hashable, CustomStringConvertible {
  package let status: Int
  /// What is wrong, in words that hold nothing of the message.
  package let reason: String

  package init(_ status: Int, _ reason: String) {
    self.status = status
    self.reason = reason
  }

  package init(_ reason: String) { self.init(400, reason) }

  package var description: String { reason }
}

/// Reason phrases (RFC 9110 section 15).
package enum Status {
  package static func phrase(_ status: Int) -> StaticString {
    switch status {
    case 100: "Continue"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Status"
    }
  }
}
