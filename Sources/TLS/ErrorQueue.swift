import COpenSSL

/// OpenSSL's error queue of the current thread.
///
/// `SSL_get_error(3)` looks into it, so it has to be empty before each call whose failure is to be told; what another
/// connection left there would be taken for this one's failure.
enum ErrorQueue {
  /// Empties the queue.
  @inline(__always)
  static func clear() {
    // Looking is cheap, while ERR_clear_error(3) goes over all the sixteen slots each time.
    if ERR_peek_error() != 0 { ERR_clear_error() }
  }

  /// Whether the newest error is that the peer's bytes ended without close_notify.
  static var tellsOfTruncation: Bool {
    let code = ERR_peek_last_error()
    // ERR_GET_LIB and ERR_GET_REASON are inline functions over these fields (err.h).
    return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING
  }

  /// Takes all errors out, oldest first, as one line. `fallback` is for an empty queue.
  static func takeText(or fallback: String) -> String {
    var texts: [String] = []
    var data: UnsafePointer<CChar>?
    var flags: CInt = 0
    while true {
      let code = ERR_get_error_all(nil, nil, nil, &data, &flags)
      guard code != 0 else { break }
      var text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard let base = buffer.baseAddress else { return "" }
        ERR_error_string_n(code, base, buffer.count)
        return String(cString: base)
      }
      if flags & ERR_TXT_STRING != 0, let data {
        let detail = String(cString: data)
        if !detail.isEmpty { text += ": \(detail)" }
      }
      texts.append(text)
    }
    guard !texts.isEmpty else { return fallback }
    return String(texts.joined(separator: "; ").map { $0.isNewline ? " " : $0 })
  }
}
