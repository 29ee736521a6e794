/// What a session knows of one stream. Confined to its session.
final class StreamRecord {
  /// Pieces that one DATA frame is made of at most.
  static let piecesPerFrame = 24

  let id: Int32
  /// Of the request.
  var method: Method
  /// The final head of the peer's message has come.
  var hasHead = false
  /// 1xx responses so far.
  var informationalCount = 0
  var peerHasEnded = false
  var wasResetByPeer = false
  /// What the peer has been granted to send and has not used, and what it may be granted.
  var window: Int
  /// Body bytes that came since the window last grew.
  var receivedSinceGrowth = 0
  /// Body bytes that the owner has not given back by `consume`.
  var unread = 0

  // MARK: Sending

  /// The head is not yet among what was sent.
  var isHeadPending = true
  /// Body pieces to be sent; those before `first` are out. They belong to whoever queued them.
  private var pieces: [UnsafeRawBufferPointer] = []
  private var first = 0
  private(set) var queuedBytes = 0
  /// The body ends with what is queued.
  var ends = false
  var endIsSent = false
  /// The library asked for bytes when there were none.
  var isDeferred = false

  init(_ id: Int32, _ method: Method, window: Int) {
    self.id = id
    self.method = method
    self.window = window
  }

  /// Something that was queued is not among what was sent.
  var hasUnsent: Bool { isHeadPending || queuedBytes > 0 || (ends && !endIsSent) }

  func queue(_ piece: UnsafeRawBufferPointer) {
    guard piece.count > 0 else { return }
    pieces.append(piece)
    queuedBytes += piece.count
  }

  /// How many bytes the next frame may take of `limit`, and of how many pieces.
  func nextFrame(limit: Int) -> (bytes: Int, pieces: Int) {
    var bytes = 0
    var count = 0
    while bytes < limit, count < Self.piecesPerFrame, first + count < pieces.count {
      bytes += pieces[first + count].count
      count += 1
    }
    return (min(bytes, limit), count)
  }

  /// Moves the first `count` queued bytes to `output`.
  func move(_ count: Int, to output: HTTP2Output) {
    var left = count
    while left > 0 {
      let piece = pieces[first]
      let part = min(left, piece.count)
      output.append(UnsafeRawBufferPointer(rebasing: piece[..<part]))
      left -= part
      if part == piece.count {
        first += 1
      } else {
        pieces[first] = UnsafeRawBufferPointer(rebasing: piece[part...])
      }
    }
    queuedBytes -= count
    if queuedBytes == 0 { dropQueued() }
  }

  func dropQueued() {
    pieces.removeAll(keepingCapacity: true)
    first = 0
    queuedBytes = 0
  }
}
