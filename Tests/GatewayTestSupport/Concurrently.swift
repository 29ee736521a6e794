/// Runs `body` for each of `values`, so many at a time, and waits for all. For cases that mostly wait.
package func concurrently<Values: Sequence>(
  _ values: Values, limit: Int = 8, _ body: @escaping @Sendable (Values.Element) async throws -> Void
) async throws where Values.Element: Sendable {
  try await withThrowingTaskGroup(of: Void.self) { group in
    var running = 0
    for value in values {
      if running == limit {
        try await group.next()
        running -= 1
      }
      group.addTask { try await body(value) }
      running += 1
    }
    try await group.waitForAll()
  }
}
