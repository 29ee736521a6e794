import EventLoop
import GatewayTestSupport
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1)))
struct GatherTests {
  /// Pieces of memory that stay until the end of a test.
  private final class Pieces {
    let blocks: [UnsafeMutableRawBufferPointer]
    let bytes: [UInt8]

    init(_ sizes: [Int]) {
      let bytes = (0..<sizes.reduce(0, +)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ ($0 >> 8)) }
      var start = 0
      blocks = sizes.map { size in
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
        block.copyBytes(from: bytes[start..<start + size])
        start += size
        return block
      }
      self.bytes = bytes
    }

    deinit { for block in blocks { block.deallocate() } }

    func list() -> GatherList {
      let list = GatherList()
      for block in blocks { list.append(UnsafeRawBufferPointer(block)) }
      return list
    }
  }

  private func contents(_ list: GatherList) -> [UInt8] {
    var bytes: [UInt8] = []
    list.forEach { bytes += $0 }
    return bytes
  }

  @Test func `every count can be taken off the front`() {
    let pieces = Pieces([3, 1, 5, 2])
    for count in 0...11 {
      let list = pieces.list()
      list.removeFront(count)
      #expect(contents(list) == Array(pieces.bytes[count...]))
      #expect(list.byteCount == 11 - count)
      #expect(list.isEmpty == (count == 11))
      #expect(list.front?.first == (count < 11 ? pieces.bytes[count] : nil))
    }
  }

  @Test func `empty pieces take no room, and a list is used again`() {
    let pieces = Pieces([0, 2, 0])
    let list = pieces.list()
    #expect(list.pieceCount == 1)
    list.removeFront(2)
    for _ in 0..<GatherList.capacity { list.append(UnsafeRawBufferPointer(pieces.blocks[1])) }
    #expect(list.isFull)
    list.removeAll()
    #expect(list.isEmpty && list.pieceCount == 0 && list.front == nil)
  }

  @Test(arguments: [1, 100, 4_096, 60_000])
  func `many pieces go through a small socket in parts`(_ size: Int) async throws {
    try await onLoop { loop in
      let pair = try Socket.pair()
      var room: CInt = 4_096
      setsockopt(pair.first.rawValue, SOL_SOCKET, SO_SNDBUF, &room, socklen_t(MemoryLayout<CInt>.size))
      let channel = try Channel(pair.first, on: loop)
      defer { channel.close() }
      let reader = LoopBound(Peer(try Channel(pair.second, on: loop)))
      let pieces = Pieces((0..<GatherList.capacity).map { $0 % 5 == 0 ? 1 : size })
      let count = pieces.bytes.count
      async let received = reader.value.receive(count)
      let list = pieces.list()
      var calls = 0
      while !list.isEmpty {
        let before = list.byteCount
        switch try channel.write(gathering: list) {
        case .bytes(let sent):
          #expect(sent > 0 && list.byteCount == before - sent)
          calls += 1
        case .wouldBlock, .endOfStream:
          #expect(list.byteCount == before)
          try await channel.waitUntilWritable(for: .seconds(20))
        }
      }
      #expect(try await received == pieces.bytes)
      #expect(size < 4_096 ? calls >= 1 : calls > 1)
    }
  }

  @Test func `a file goes through the socket by itself`() async throws {
    try await onLoop { loop in
      let bytes = Pieces([1_000_000]).bytes
      var template = Array("/tmp/sendfile-tests.XXXXXX".utf8CString)
      let number = template.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 }
      let file = OwnedDescriptor(owning: try #require(number >= 0 ? number : nil))
      unlink(template)
      #expect(bytes.withUnsafeBytes { Glibc.write(file.rawValue, $0.baseAddress, $0.count) } == bytes.count)

      let (first, second) = try Peer.pair(on: loop)
      let reader = LoopBound(second)
      async let received = reader.value.receive(bytes.count - 1_000)
      var offset = 1_000
      var blocked = 0
      while true {
        switch try first.channel.sendFile(file, from: offset, count: bytes.count) {
        case .bytes(let count): offset += count
        case .wouldBlock:
          blocked += 1
          try await first.channel.waitUntilWritable(for: .seconds(20))
        case .endOfStream:
          // The file ends before what was asked for.
          #expect(offset == bytes.count)
          #expect(try await received == Array(bytes[1_000...]))
          #expect(blocked > 0)
          return
        }
      }
    }
  }
}
