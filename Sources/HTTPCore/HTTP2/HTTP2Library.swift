import CNghttp2

/// The HTTP/2 library that is linked in.
package enum HTTP2Library {
  /// Its version, such as `1.52.0` (`nghttp2_version(3)`).
  package static var version: String {
    guard let info = nghttp2_version(0), let text = info.pointee.version_str else { return "unknown" }
    return String(cString: text)
  }
}
