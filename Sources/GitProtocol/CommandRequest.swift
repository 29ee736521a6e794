/// The body of a protocol v2 POST to `git-upload-pack`, read to its end.
///
/// Source: gitprotocol-v2, command request.
package struct CommandRequest: Sendable {
  /// Most bytes of a body, before and after inflation.
  package static let maxBytes = 32 << 20
  /// Most lines of a body. A slice takes more memory than the shortest line; this bounds all of them to some 8 MiB.
  package static let maxLines = 1 << 18

  /// The command that the one line `command=` names.
  package let command: UploadPackRequest.Command
  /// The other lines before the delim-pkt in their order, such as `agent=git/2.39.5`, without their newlines.
  package let capabilities: [ArraySlice<UInt8>]
  /// The lines behind the delim-pkt in their order, without their newlines.
  package let arguments: [ArraySlice<UInt8>]

  /// Reads a body: exactly one `command=`, at most one delim-pkt, a flush-pkt, and nothing behind it.
  ///
  /// - Parameters:
  ///   - body: all bytes of the body, as they came over the wire. The lines share their memory with it.
  ///   - coding: how the body is coded.
  /// - Throws: `RequestError`; `.tooLarge` beyond 32 MiB or 262,144 lines, whatever a compressed body would go on to.
  package init(parsing body: [UInt8], coding: BodyCoding) throws(RequestError) {
    var reader = PktLineReader(try Self.decoded(body, coding: coding))
    var command: UploadPackRequest.Command?
    var capabilities: [ArraySlice<UInt8>] = []
    var arguments: [ArraySlice<UInt8>] = []
    var isInArguments = false
    reading: while true {
      let packet: PktLine.Packet?
      do throws(PktLineError) { packet = try reader.next() } catch { throw .pktLine(error) }
      switch packet {
      case nil: throw .truncated
      case .flush: break reading
      case .delimiter where !isInArguments: isInArguments = true
      case .delimiter, .responseEnd: throw .unexpectedLine
      case .data where capabilities.count + arguments.count == Self.maxLines: throw .tooLarge
      case .data(let line) where isInArguments: arguments.append(line.chomped)
      case .data(let line):
        let line = line.chomped
        guard line.hasPrefix("command=") else {
          capabilities.append(line)
          continue
        }
        guard command == nil else { throw .unexpectedLine }
        command = UploadPackRequest.Command(name: line.dropFirst("command=".utf8.count))
      }
    }
    guard let command, reader.rest.isEmpty else { throw .unexpectedLine }
    self.command = command
    self.capabilities = capabilities
    self.arguments = arguments
  }

  private static func decoded(_ body: [UInt8], coding: BodyCoding) throws(RequestError) -> [UInt8] {
    guard body.count <= maxBytes else { throw .tooLarge }
    switch coding {
    case .identity: return body
    case .gzip:
      do throws(InflateError) {
        return try Inflate.whole(body[...], limit: maxBytes)
      } catch .tooLarge {
        throw .tooLarge
      } catch {
        throw .inflate(error)
      }
    }
  }
}
