import Testing

@Suite
struct ImportTests {
  @Test(arguments: Rung.ladder)
  func `a module imports only what stands below it`(_ rung: Rung) throws {
    let files = try SourceTree.files(of: rung.name)
    #expect(!files.isEmpty)
    for file in files {
      for module in try SourceTree.imports(in: file) where !rung.allowed.contains(module) {
        Issue.record("\(file) imports \(module)")
      }
    }
  }

  @Test func `every target with Swift files stands on the ladder`() throws {
    let rungs = Set(Rung.ladder.map(\.name))
    for target in try SourceTree.targets() where try !SourceTree.files(of: target).isEmpty {
      #expect(rungs.contains(target))
    }
  }

  @Test func `nothing imports the whole of Foundation`() throws {
    for target in try SourceTree.targets() {
      for file in try SourceTree.files(of: target) {
        #expect(
          try !SourceTree.imports(in: file).contains { $0 == "Foundation" || $0 == "FoundationNetworking" }, "\(file)")
      }
    }
  }

  @Test func `the gateway does not know the emulator, nor the parsers a clock`() throws {
    #expect(Rung.ladder.first { $0.name == "Gateway" }?.allowed.contains("ArtifactsEmulator") == false)
    for target in ["HTTPCore", "GitProtocol"] {
      for file in try SourceTree.files(of: target) {
        let text = try SourceTree.text(of: file)
        for word in ["clock_gettime", "ContinuousClock", "SuspendingClock", "socket("] {
          #expect(!text.contains(word), "\(file): \(word)")
        }
      }
    }
  }
}
