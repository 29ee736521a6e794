import GatewayTestSupport
import PackCache

/// An answer to a fetch, made by hand: a pack that nobody unpacks, with a header and a good trailer.
struct HandmadePack {
  let pack: [UInt8]
  var packetBytes = 60_000

  /// - Parameter size: bytes between the header and the trailer.
  init(_ size: Int = 1_000) { self.init(randomBytes(size)) }

  init(_ filler: [UInt8]) {
    let content = Array("PACK".utf8) + [0, 0, 0, 2, 0, 0, 0, 0] + filler
    var digest = Digest(.sha1)
    content.withUnsafeBytes { digest.update($0) }
    pack = content + digest.finish()
  }

  private func packets(of bytes: [UInt8]) -> [UInt8] {
    stride(from: 0, to: bytes.count, by: packetBytes).flatMap {
      PktLines.band(1, Array(bytes[$0..<min($0 + packetBytes, bytes.count)]))
    }
  }

  /// As it comes, without progress text.
  var answer: [UInt8] { PktLines.line("packfile\n") + packets(of: pack) + PktLines.flush }

  /// With progress text at the beginning, in the middle and at the end.
  var answerWithProgress: [UInt8] {
    let half = pack.count / 2
    return PktLines.line("packfile\n") + PktLines.band(2, "Counting objects: 3\r") + packets(of: Array(pack[..<half]))
      + PktLines.band(2, "Compressing\n") + packets(of: Array(pack[half...])) + PktLines.band(2, "Total 3\n")
      + PktLines.flush
  }
}

/// What a client made of an answer to a fetch.
struct FetchedPack {
  var pack: [UInt8] = []
  /// The lines of band 2, and of band 3.
  var progress: [String] = []
  var errors: [String] = []
  /// An `ERR` line.
  var refusal: String?
  var endsInFlush = false

  /// - Parameter isSidebandAll: the lines before the pack are sideband as well.
  init?(_ body: [UInt8], isSidebandAll: Bool = false) {
    guard let packets = PktLines.packets(body) else { return nil }
    var isPack = isSidebandAll
    for packet in packets {
      let text = String(decoding: packet, as: UTF8.self)
      if !isPack {
        if text.hasPrefix("ERR ") { refusal = text }
        isPack = text == "packfile\n"
        continue
      }
      switch packet.first {
      case 1: pack += packet.dropFirst()
      case 2: progress.append(String(text.dropFirst()))
      case 3: errors.append(String(text.dropFirst()))
      default: break
      }
    }
    endsInFlush = packets.last?.isEmpty == true
  }
}

extension HTTPAnswer {
  var fetched: FetchedPack? { FetchedPack(body) }
  /// What the cache had to do with it.
  var outcome: String? { field("x-artifacts-gateway-cache").map { String($0.prefix { $0 != ";" }) } }
}

/// Whether two bodies are the same. Without the difference, which takes minutes to find in long ones.
func same(_ first: [UInt8]?, _ second: [UInt8]) -> Bool { first == second }
