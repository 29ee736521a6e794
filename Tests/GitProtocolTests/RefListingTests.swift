import GitProtocol
import Testing

private let longID = String(repeating: "4c", count: 32)
private let listing =
  packet("unborn refs/heads/next symref-target:refs/heads/x\n")
  + packet("\(oneID) HEAD symref-target:refs/heads/main\n") + packet("\(oneID) refs/heads/main")
  + packet("\(twoID) refs/tags/v1 peeled:\(oneID)\n") + packet("\(longID) refs/tags/a new:1 peeled:\(longID)\n")
  + PktLine.flush
private let references = [
  "\(oneID) HEAD", "\(oneID) refs/heads/main", "\(twoID) refs/tags/v1", "\(oneID) refs/tags/v1",
  "\(longID) refs/tags/a", "\(longID) refs/tags/a",
]

private func read(_ pieces: ArraySlice<UInt8>...) -> (references: [String], isComplete: Bool) {
  var listing = RefListing()
  var found: [String] = []
  for piece in pieces {
    piece.withUnsafeBytes { listing.advance(over: $0) { found.append("\(text($0)) \(text($1))") } }
  }
  return (found, listing.isComplete)
}

@Suite struct RefListingTests {
  @Test func `Ids come with the names of their refs, peeled ones too`() {
    let whole = read(listing[...])
    #expect(whole.references == references)
    #expect(whole.isComplete)
    #expect(read(PktLine.flush[...]).isComplete)
  }

  @Test func `Two pieces or single bytes say the same`() {
    for border in listing.indices {
      let split = read(listing[..<border], listing[border...])
      #expect(split.references == references)
      #expect(split.isComplete)
      #expect(!read(listing[..<border]).isComplete)
    }
    var single = RefListing()
    var found: [String] = []
    for index in listing.indices {
      listing[index...index].withUnsafeBytes { single.advance(over: $0) { found.append("\(text($0)) \(text($1))") } }
    }
    #expect(found == references)
    #expect(single.isComplete)
  }

  @Test func `The longest packet may be split`() {
    let name = String(repeating: "n", count: PktLine.maxPayloadBytes - 41)
    let stream = packet("\(oneID) \(name)") + PktLine.flush
    for border in [1, 4, 5, 46, stream.count - 5] {
      let split = read(stream[..<border], stream[border...])
      #expect(split.references == ["\(oneID) \(name)"])
      #expect(split.isComplete)
    }
  }

  @Test(arguments: [
    packet("ERR no such repo"), packet(oneID), packet("\(oneID) "), packet("\(oneID.dropLast()) HEAD"), packet(""),
    packet("\(twoID.uppercased()) HEAD"), packet("\(oneID) HEAD peeled:x"), packet("unborn"), PktLine.delimiter,
    PktLine.responseEnd, bytes("0003"), bytes("<html>"), PktLine.flush, bytes("0"),
  ])
  func `Anything else is never complete, and ends the listing`(line: [UInt8]) {
    let first = packet("\(oneID) HEAD\n")
    let stream = first + line + first + PktLine.flush
    for border in 0...stream.count {
      let split = read(stream[..<border], stream[border...])
      #expect(split.references == ["\(oneID) HEAD"])
      #expect(!split.isComplete)
    }
  }
}
