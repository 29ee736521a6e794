package import EventLoop

/// Runs `body`, and the child tasks that it starts, on a loop of its own, which ends with it.
///
/// What `body` registers on the loop it must close before it returns or throws.
package func onLoop<Result: Sendable>(
  _ body: @escaping @Sendable (Loop) async throws -> Result
) async throws -> Result {
  let loop = try Loop(label: "test")
  defer { loop.shutdown() }
  return try await Task(executorPreference: loop) { try await body(loop) }.value
}

/// Something that lives on a loop, handed to another task of the same loop.
///
/// `@unchecked`: the tasks of one loop never run at the same time.
package struct LoopBound<Value>: @unchecked Sendable {
  package let value: Value
  package init(_ value: Value) { self.value = value }
}

extension SocketAddress {
  /// 127.0.0.1 and a port that the kernel chooses.
  package static var anyLoopback: SocketAddress { .v4(0x7f00_0001, port: 0) }
  /// Nobody listens there.
  package static var refusing: SocketAddress { .v4(0x7f00_0001, port: 1) }
}
