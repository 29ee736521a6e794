import GitProtocol

/// The object filter that a fetch asks for.
enum FetchFilter {
  /// Whether a request asks for `tree:0`, which the service was seen to refuse with 400.
  static func isRefused(_ body: [UInt8]) -> Bool {
    var reader = PktLineReader(body)
    while let packet = try? reader.next() {
      guard case .data(let payload) = packet else { continue }
      let line = payload.last == 10 ? payload.dropLast() : payload
      if line.elementsEqual("filter tree:0".utf8) { return true }
    }
    return false
  }
}
