import GatewayTestSupport
import Testing

@testable import EventLoop

@Suite struct ProgramTextTests {
  /// Pages of files that are in memory.
  private var pages: Int {
    get throws {
      let fields = try contents(of: "/proc/self/statm").split(separator: " ")
      return try #require(fields.count > 2 ? Int(fields[2]) : nil)
    }
  }

  @Test func `code that is given back is there when it is needed again`() throws {
    let before = try pages
    ProgramText.release()
    #expect(try pages < before)
    // This runs from it.
    #expect((0..<1_000).map { "\($0)" }.joined().count == 2_890)
  }
}
