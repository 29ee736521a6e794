import PackCache
import Testing

@Suite struct PackKeyTests {
  private func key(
    _ account: String = "a", _ namespace: String = "n", repo: String = "demo", id: String = "1",
    generation: UInt64 = 0, request: [UInt8] = [1, 2]
  ) -> PackKey {
    let scope = PackScope(account: account, namespace: namespace, repo: repo, repoID: id)
    return PackKey(scope: scope, generation: generation, request: request)
  }

  @Test func `all that decides the bytes is in the key, and no part runs into the next`() {
    let keys = [
      key(), key("b"), key("a", "m"), key(id: "2"), key(generation: 1), key(request: [1, 2, 0]), key(request: [1]),
      key(request: [2, 1]),
      key("an", ""), key("", "an"), key("a", "n1", id: ""), key("a", "", id: "n1"), key(id: "1\u{1}\u{2}", request: []),
    ]
    #expect(Set(keys).count == keys.count)
    #expect(Set(keys.map(\.hex)).count == keys.count)
  }

  @Test func `equal parts make equal keys, whatever the repository is called`() {
    #expect(key() == key())
    #expect(key(repo: "x") == key(repo: "y"))
  }

  @Test func `a key has 64 digits`() {
    #expect(key().hex.utf8.count == 64)
    #expect(key().hex.allSatisfy { "0123456789abcdef".contains($0) })
  }
}
