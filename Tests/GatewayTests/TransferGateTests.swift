import EventLoop
import GatewayTestSupport
import GitProtocol
import HTTPCore
import Synchronization
import Testing

@testable import Gateway

/// Whose turn it is.
@Suite(.timeLimit(.minutes(5))) struct TransferGateTests {
  private typealias Rank = TransferGate.Rank

  /// Lets all wait behind others, in their order, then admits them one by one.
  /// - Returns: the names in the order of their admission.
  private static func order(
    of waiting: [(name: String, rank: TransferGate.Rank, owner: String)]
  ) async throws -> [String] {
    try await onLoop { loop in
      let gate = TransferGate(limit: waiting.count, patience: .seconds(60))
      var held: [TransferGate.Place] = []
      for _ in waiting { held.append(try await gate.enter(.incremental, of: "holder", on: loop)) }
      let admitted = Admissions()
      await withTaskGroup(of: Void.self) { group in
        for (index, waiter) in waiting.enumerated() {
          group.addTask(executorPreference: loop) {
            guard let place = try? await gate.enter(waiter.rank, of: waiter.owner, on: loop) else { return }
            admitted.add(waiter.name)
            gate.leave(place)
          }
          while gate.waitingCount <= index { await loop.yield() }
        }
        gate.set(limit: 1)
        for place in held { gate.leave(place) }
      }
      return admitted.names
    }
  }

  private final class Admissions: Sendable {
    private let list = Mutex<[String]>([])
    var names: [String] { list.withLock { $0 } }
    func add(_ name: String) { list.withLock { $0.append(name) } }
  }

  @Test func `questions for refs come first and whole clones last`() async throws {
    let order = try await Self.order(of: [
      ("clone", .full, "a"), ("fetch", .incremental, "a"), ("refs", .refs, "a"), ("push", .incremental, "a"),
    ])
    #expect(order == ["refs", "fetch", "push", "clone"])
  }

  @Test func `equals come in the order of their arrival`() async throws {
    let names = (0..<8).map { "\($0)" }
    #expect(try await Self.order(of: names.map { ($0, .full, $0) }) == names)
  }

  @Test func `a herd of one owner lets the other through`() async throws {
    try await onLoop { loop in
      let gate = TransferGate(limit: 4, patience: .seconds(60))
      var herd: [TransferGate.Place] = []
      for _ in 0..<4 { herd.append(try await gate.enter(.full, of: "ci", on: loop)) }
      let order = Admissions()
      await withTaskGroup(of: Void.self) { group in
        for (index, owner) in ["ci", "ci", "alice", "ci"].enumerated() {
          group.addTask(executorPreference: loop) {
            guard let place = try? await gate.enter(.full, of: owner, on: loop) else { return }
            order.add(owner)
            gate.leave(place)
          }
          while gate.waitingCount <= index { await loop.yield() }
        }
        gate.leave(herd.removeLast())
        while order.names.isEmpty { await loop.yield() }
        for place in herd { gate.leave(place) }
      }
      #expect(order.names.first == "alice")
      #expect(order.names.count == 4)
    }
  }

  @Test func `whole clones leave a place of eight to what is small`() async throws {
    try await onLoop { loop in
      let gate = TransferGate(limit: 8, patience: .milliseconds(20))
      var places: [TransferGate.Place] = []
      for number in 0..<7 { places.append(try await gate.enter(.full, of: "\(number)", on: loop)) }
      await #expect(throws: ProxyError.self) { _ = try await gate.enter(.full, of: "late", on: loop) }
      places.append(try await gate.enter(.refs, of: "dev", on: loop))
      await #expect(throws: ProxyError.self) { _ = try await gate.enter(.refs, of: "dev", on: loop) }
      for place in places { gate.leave(place) }
      gate.leave(try await gate.enter(.full, of: "late", on: loop))
    }
  }

  @Test func `an owner at his own limit waits while others pass`() async throws {
    try await onLoop { loop in
      let gate = TransferGate(limit: 8, patience: .milliseconds(20))
      let places = [
        try await gate.enter(.full, of: "ci", cap: 2, on: loop),
        try await gate.enter(.full, of: "ci", cap: 2, on: loop),
      ]
      let refusal = await #expect(throws: ProxyError.self) {
        _ = try await gate.enter(.refs, of: "ci", cap: 2, on: loop)
      }
      #expect(refusal?.status == 429 && refusal?.text.contains("ci has as many transfers") == true)
      gate.leave(try await gate.enter(.full, of: "alice", cap: 2, on: loop))
      for place in places { gate.leave(place) }
      gate.leave(try await gate.enter(.full, of: "ci", cap: 2, on: loop))
    }
  }

  @Test(arguments: [
    ("0014command=ls-refs\n0001", "", Service.uploadPack, 0),
    ("0012command=fetch0001000fno-progress0032want 5d8f3a9e\n0009done\n0000", "", .uploadPack, 2),
    ("0012command=fetch00010032want 5d8f\n0032have 5d8f\n0009done\n0000", "", .uploadPack, 1),
    ("\u{1f}compressed", "gzip", .uploadPack, 1), ("", "", .uploadPack, 2), ("0000", "", .receivePack, 1),
  ]) func `a request is ranked by its beginning`(body: String, coding: String, service: Service, rank: Int) throws {
    let fields = coding.isEmpty ? "" : "Content-Encoding: \(coding)\r\n"
    let text = "POST /x HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    let head = try Array(text.utf8).withUnsafeBytes { bytes throws(HTTPParseError) in try RequestHead(parsing: bytes) }
    let found = Array(body.utf8).withUnsafeBytes { TransferGate.Rank(service, head, beginning: $0) }
    #expect(found.rawValue == rank)
  }
}
