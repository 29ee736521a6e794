/// Something of the program that reads what a peer sends, and what must hold whatever that is.
///
/// To add one, write a function like those beside this file, name it in `all`, and put a few inputs under
/// `Corpus/<name>`. `run.sh` and the tests find it there.
package struct FuzzTarget: Sendable, CustomStringConvertible {
  /// Also the name of its folder of inputs.
  package let name: String
  /// Throws `FuzzFinding` when something does not hold. Must not keep anything between two calls.
  package let run: @Sendable ([UInt8]) throws -> Void

  package static let all = [
    FuzzTarget(name: "request-reader", run: checkRequestReader),
    FuzzTarget(name: "response-reader", run: checkResponseReader),
    FuzzTarget(name: "http2-server", run: checkHTTP2Server), FuzzTarget(name: "http2-client", run: checkHTTP2Client),
    FuzzTarget(name: "pkt-line", run: checkPktLines),
    FuzzTarget(name: "git-request", run: checkGitRequests),
    FuzzTarget(name: "command-request", run: checkCommandRequests),
    FuzzTarget(name: "fetch-answer", run: checkFetchAnswers),
    FuzzTarget(name: "advertisement", run: checkAdvertisement),
    FuzzTarget(name: "inflate", run: checkInflate),
    FuzzTarget(name: "text", run: checkTexts),
  ]

  package var description: String { name }
}

/// What should hold and does not.
package struct FuzzFinding: Error, CustomStringConvertible {
  package let description: String
}

func require(_ holds: Bool, _ what: @autoclosure () -> String) throws {
  if !holds { throw FuzzFinding(description: what()) }
}

/// Lends `bytes` as a block of exactly their size, so that the address sanitizer sees a look beyond.
func withBlock<Result>(_ bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
  -> Result
{
  let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { block.deallocate() }
  block.copyBytes(from: bytes)
  return try body(UnsafeRawBufferPointer(block))
}
