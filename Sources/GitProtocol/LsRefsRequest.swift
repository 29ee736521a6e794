/// A v2 `ls-refs`. Source: gitprotocol-v2, ls-refs.
package struct LsRefsRequest: Sendable {
  /// The question in one form: requests that differ in `agent`, `session-id`, or in the order or repetition of
  /// `ref-prefix`, `peel`, `symrefs` and `unborn` have the same bytes, others never. Lines that are not known count as
  /// they are, in their order.
  ///
  /// Pkt-lines: the capabilities, a delim-pkt, the lines not known, a delim-pkt, those known, sorted and each once, a
  /// flush-pkt.
  package let canonicalBytes: [UInt8]

  /// Reads a request; nil for other commands.
  package init?(_ command: CommandRequest) {
    guard command.command == .lsRefs else { return nil }
    var output: [UInt8] = []
    for line in command.capabilities where !line.isClientName { PktLine.append(line, to: &output) }
    output += PktLine.delimiter
    for line in command.arguments where !Self.isKnown(line) { PktLine.append(line, to: &output) }
    output += PktLine.delimiter
    for line in command.arguments.filter(Self.isKnown).sortedUnique() { PktLine.append(line, to: &output) }
    canonicalBytes = output + PktLine.flush
  }

  private static func isKnown(_ line: ArraySlice<UInt8>) -> Bool {
    line.hasPrefix("ref-prefix ") || line.equals("peel") || line.equals("symrefs") || line.equals("unborn")
  }
}
