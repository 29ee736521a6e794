import Fuzzing
import Glibc

/// Set once before the first input, by the one thread that libFuzzer has.
nonisolated(unsafe) private var target: FuzzTarget?

/// The name of the target is in `FUZZ_TARGET`.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let found = FuzzTarget.all.first(where: { $0.name == name }) else {
    print("FUZZ_TARGET must be one of:", FuzzTarget.all.map(\.name).joined(separator: " "))
    exit(64)
  }
  target = found
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: data, count: count))
  do { try target?.run(input) } catch {
    print("FINDING:", error)
    fflush(nil)
    abort()
  }
  return 0
}
