extension PktLineTracker {
  /// The bytes that end the stream here with an error that git shows. Not a final flush-pkt: the client must not
  /// take what it got for a whole answer. Bytes held back are given up: the caller does not send them.
  ///
  /// A begun packet is padded first. Then comes a band-3 packet once the client reads sideband, else an `ERR` pkt-line.
  /// Empty when nothing readable can be said: in a transparent stream, and after the flush-pkt that ends sideband.
  ///
  /// - Parameter message: made safe and prefixed as `GitError` does.
  package func ending(with message: String) -> [UInt8] {
    if isTransparent || isInSideband && endsInFlush { return [] }
    var output = padding()
    output += isInSideband ? GitError.bandThree(message) : GitError.errPacket(message)
    return output
  }

  /// The rest of the open packet. An unnamed band becomes progress text: blanks do no harm there.
  private func padding() -> [UInt8] {
    guard openBytes > 0 else { return [] }
    let blank = UInt8(ascii: " ")
    guard isInSideband else { return Array(repeating: 0, count: openBytes) }
    guard let openBand else {
      return [Sideband.progress.rawValue] + Array(repeating: blank, count: openBytes - 1)
    }
    let isText = openBand == Sideband.progress.rawValue || openBand == Sideband.error.rawValue
    return Array(repeating: isText ? blank : 0, count: openBytes)
  }
}
