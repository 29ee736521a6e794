import HTTPCore
import Testing

/// Lends the bytes of `text` as they stand; every line end must be written out.
func withBytes<Result>(
  of text: some Sequence<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> Result
) rethrows -> Result {
  // A block of exactly this size, so that reading beyond it is seen by the address sanitizer.
  let bytes = Array(text)
  let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { block.deallocate() }
  block.copyBytes(from: bytes)
  return try body(UnsafeRawBufferPointer(block))
}

/// Finds and reads a whole head, as the wire does.
func parse<Head>(
  _ bytes: some Sequence<UInt8>, _ read: (UnsafeRawBufferPointer) throws(HTTPParseError) -> Head
) throws -> (head: Head, length: Int)? {
  try withBytes(of: bytes) { bytes in
    var scanner = HeadScanner()
    guard let end = try scanner.end(in: bytes) else { return nil }
    return (try read(UnsafeRawBufferPointer(rebasing: bytes[..<end])), end)
  }
}

func parseRequest(_ text: String) throws -> RequestHead {
  let read = { (bytes: UnsafeRawBufferPointer) throws(HTTPParseError) in try RequestHead(parsing: bytes) }
  return try #require(try parse(text.utf8, read)).head
}

func parseResponse(_ text: String, to method: HTTPCore.Method = .get) throws -> ResponseHead {
  let read = { (bytes: UnsafeRawBufferPointer) throws(HTTPParseError) in try ResponseHead(parsing: bytes, to: method) }
  return try #require(try parse(text.utf8, read)).head
}

/// What a request is refused with, or nil when it is taken.
func refusal(of text: String) -> Int? {
  do {
    _ = try parseRequest(text)
    return nil
  } catch let error as HTTPParseError {
    return error.status
  } catch {
    return -1
  }
}

/// Hands a head to a scanner in two parts, split at every place, and once byte by byte. Each must find the same end.
func expectEveryPlaceFindsTheEnd(of text: String, followedBy rest: String = "GET") throws {
  let all = Array((text + rest).utf8)
  let length = text.utf8.count
  try withBytes(of: all) { bytes in
    for split in 0...all.count {
      var scanner = HeadScanner()
      let early = try scanner.end(in: UnsafeRawBufferPointer(rebasing: bytes[..<split]))
      #expect(early == (split >= length ? length : nil), "split at \(split)")
      if early == nil { #expect(try scanner.end(in: bytes) == length, "split at \(split)") }
    }
    var scanner = HeadScanner()
    for count in 0..<length { #expect(try scanner.end(in: UnsafeRawBufferPointer(rebasing: bytes[..<count])) == nil) }
    #expect(try scanner.end(in: bytes) == length)
  }
}
