extension Store {
  /// A part of a namespace's repos that is asked for.
  struct RepoSelection {
    var key = RepoOrder.Key.creation
    var ascending = true
    /// Where a walk goes on from, exclusive.
    var after: Cursor.Place?
    /// What names must contain; everything when empty.
    var search = ""
    var limit: Int
  }

  struct RepoPage: Sendable {
    var repos: [(record: RepoRecord, status: RepoStatus)] = []
    /// More follow in the direction of the walk.
    var isCut = false
    /// How many there are on all pages; counted only where nothing follows.
    var total = 0
  }

  /// The next repos of a walk; none when there is no such namespace. Costs what the page holds; a search also looks at the
  /// names on its way, and on the last page at all of them.
  func page(of namespace: String, _ selection: RepoSelection) -> RepoPage {
    guard let home = namespaces[namespace] else { return RepoPage() }
    let order = home.order
    let rest = order.places(selection.key, ascending: selection.ascending, after: selection.after)
    let pattern = Array(selection.search.utf8)
    var page = RepoPage()
    for step in 0..<rest.count {
      let place = selection.ascending ? rest.lowerBound + step : rest.upperBound - 1 - step
      let name = order.name(selection.key, at: place)
      guard name.contains(bytes: pattern), let repo = home.repos[name] else { continue }
      if page.repos.count == selection.limit {
        page.isCut = true
        return page
      }
      page.repos.append((repo.record, repo.status))
    }
    if pattern.isEmpty {
      page.total = order.count
    } else if rest.count == order.count {
      page.total = page.repos.count
    } else {
      page.total = (0..<order.count).count { order.name(selection.key, at: $0).contains(bytes: pattern) }
    }
    return page
  }
}

extension String {
  /// Whether `pattern` stands anywhere in the text. By bytes: that of Swift looks at whole characters, which costs a
  /// multiple and means the same for names.
  fileprivate func contains(bytes pattern: [UInt8]) -> Bool {
    guard let first = pattern.first else { return true }
    var text = self
    return text.withUTF8 { text in
      guard text.count >= pattern.count else { return false }
      return (0...(text.count - pattern.count)).contains { start in
        text[start] == first && pattern.indices.allSatisfy { text[start + $0] == pattern[$0] }
      }
    }
  }
}
