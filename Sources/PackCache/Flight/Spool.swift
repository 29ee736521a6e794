import DequeModule
@preconcurrency import Dispatch
import EventLoop
import Synchronization

/// The bytes of one answer, appended by one producer and read by many clients, each at its own speed and on its own loop.
///
/// What comes is held in memory, at most 8 MiB, until it is in the file; without a file, until the slowest reader has it.
/// A producer that runs ahead of its fastest reader by 16 MiB waits. The file is written on a queue of the spool's own, so
/// no loop waits for the disk; one that fails is read as far as it goes and written no further.
package final class Spool: Sendable {
  /// How an answer came to its end.
  package enum End: Sendable {
    case whole
    /// For people: why it breaks off.
    case cut(String)
  }

  /// Most bytes held in memory.
  package static let memoryLimit = 8 << 20
  /// Most bytes that the producer may be ahead of its fastest reader.
  package static let window = 16 << 20
  private static let flushBytes = 1 << 20

  /// Memory for 64 KiB.
  ///
  /// `@unchecked Sendable`: the producer fills it under the lock of its spool's state; what lies below the spool's count
  /// never changes again, and nobody reads beyond.
  private final class Block: @unchecked Sendable {
    static let bytes = 65_536
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Block.bytes, alignment: 16)
    deinit { memory.deallocate() }
  }

  private struct State {
    /// The bytes from `base` on; all blocks are full but the last.
    var blocks: Deque<Block> = []
    var base = 0
    var count = 0
    /// How far the file goes; beyond `base` at most for a moment.
    var flushed = 0
    var file: EntryWriter?
    var isFileBroken = false
    var isFlushing = false
    /// What was read is still needed: somebody may yet begin at offset 0.
    var keepsBeginning = true
    /// Offsets of the readers.
    var readers: [Int: Int] = [:]
    /// Where they were when the producer began to wait for them.
    var readersBefore: [Int: Int] = [:]
    var lastReader = 0
    var end: End?
    var waitingReaders: [CheckedContinuation<Void, Never>] = []
    var waitingProducer: CheckedContinuation<Void, Never>?
    var settled: [CheckedContinuation<Void, Never>] = []

    var isFileGood: Bool { file != nil && !isFileBroken }

    var isFull: Bool { count - base > Spool.memoryLimit - Block.bytes }

    var hasRoom: Bool {
      if isFull { return false }
      guard let fastest = readers.values.max() else { return true }
      return count - fastest < Spool.window
    }

    /// The file holds all that there will be, or never will.
    var isSettled: Bool { end != nil && !isFlushing && (!isFileGood || flushed == count) }

    mutating func trim() {
      let needed = isFileGood || keepsBeginning ? flushed : max(flushed, readers.values.min() ?? count)
      while !blocks.isEmpty, base + Block.bytes <= needed {
        blocks.removeFirst()
        base += Block.bytes
      }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
      var rest = bytes
      while !rest.isEmpty {
        let filled = (count - base) - max(0, blocks.count - 1) * Block.bytes
        if blocks.isEmpty || filled == Block.bytes {
          blocks.append(Block())
          continue
        }
        let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Block.bytes - filled))
        UnsafeMutableRawBufferPointer(rebasing: blocks[blocks.count - 1].memory[filled...]).copyMemory(from: part)
        count += part.count
        rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
      }
    }

    /// Whether writing must be begun; it is then taken for begun.
    mutating func beginsFlush() -> Bool {
      guard isFileGood, !isFlushing, unflushed() != nil else { return false }
      isFlushing = true
      return true
    }

    /// What is worth writing now: block, start, end.
    func unflushed() -> [(Block, Int, Int)]? {
      let limit = end == nil ? count - count % Block.bytes : count
      guard limit > flushed, end != nil || limit - flushed >= Spool.flushBytes else { return nil }
      return stride(from: flushed, to: limit, by: Block.bytes).map { offset in
        let block = blocks[(offset - base) / Block.bytes]
        return (block, 0, min(Block.bytes, limit - offset))
      }
    }

    mutating func takeProducer() -> CheckedContinuation<Void, Never>? {
      guard hasRoom || readers.isEmpty else { return nil }
      return waitingProducer.take()
    }

    mutating func takeSettled() -> [CheckedContinuation<Void, Never>] {
      guard isSettled else { return [] }
      defer { settled.removeAll() }
      return settled
    }
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "spool", qos: .utility)

  package init() {}

  // MARK: Producing

  /// Bytes appended so far.
  package var count: Int { state.withLock { $0.count } }

  /// As much is held as may be.
  package var isFull: Bool { state.withLock { $0.isFull } }

  /// Bytes held in memory.
  package var heldBytes: Int { state.withLock { $0.count - $0.base } }

  package var readerCount: Int { state.withLock { $0.readers.count } }

  /// Adds bytes, which are copied, and wakes the readers. One producer, who looks for room before.
  package func append(_ bytes: UnsafeRawBufferPointer) {
    let (waiting, mustFlush) = state.withLock { state in
      state.append(bytes)
      defer { state.waitingReaders.removeAll() }
      return (state.waitingReaders, state.beginsFlush())
    }
    for reader in waiting { reader.resume() }
    if mustFlush { queue.async { self.flush() } }
  }

  /// Waits until there is room, or nobody who would read: returns false when the last reader is gone.
  package func waitForRoom() async -> Bool {
    while true {
      let hasRoom: Bool? = state.withLock { $0.readers.isEmpty ? nil : $0.hasRoom }
      guard let hasRoom else { return false }
      if hasRoom { return true }
      await withCheckedContinuation { producer in
        let goesOn = state.withLock { state in
          if state.hasRoom || state.readers.isEmpty { return true }
          state.waitingProducer = producer
          return false
        }
        if goesOn { producer.resume() }
      }
    }
  }

  /// Leaves those readers behind who have read nothing since this was called before, when it is for them that there is no
  /// room: without a file the slowest decides for all.
  package func dropStuckReaders() {
    let (producer, waiting) = state.withLock { state in
      if state.isFull, !state.isFileGood {
        // Who has read all that there is waits for the others himself.
        for (reader, offset) in state.readers where state.readersBefore[reader] == offset && offset < state.count {
          state.readers[reader] = nil
        }
      }
      state.readersBefore = state.readers
      state.trim()
      defer { state.waitingReaders.removeAll() }
      return (state.takeProducer(), state.waitingReaders)
    }
    producer?.resume()
    for reader in waiting { reader.resume() }
  }

  /// Nothing follows.
  package func finish(_ end: End) {
    let (waiting, mustFlush, settled) = state.withLock { state in
      if state.end == nil { state.end = end }
      defer { state.waitingReaders.removeAll() }
      return (state.waitingReaders, state.beginsFlush(), state.takeSettled())
    }
    for waiter in waiting + settled { waiter.resume() }
    if mustFlush { queue.async { self.flush() } }
  }

  // MARK: The file

  package var hasFile: Bool { state.withLock { $0.file != nil } }

  /// There is none, and the beginning is still there to be written.
  var takesFile: Bool { state.withLock { $0.file == nil && $0.base == 0 && $0.keepsBeginning } }

  /// Writes everything, from the first byte on, to `file` as well, and lets memory go that is there.
  package func attach(_ file: EntryWriter) {
    let mustFlush = state.withLock { state in
      guard state.file == nil, state.base == 0 else { return false }
      state.file = file
      return state.beginsFlush()
    }
    if mustFlush { queue.async { self.flush() } }
  }

  /// Nobody may begin to read any more: what all have read can go.
  package func forgetBeginning() {
    let producer = state.withLock { state in
      state.keepsBeginning = false
      state.trim()
      return state.takeProducer()
    }
    producer?.resume()
  }

  /// Waits until the file holds the whole answer. Nil when it never will.
  package func settle() async -> EntryWriter? {
    await withCheckedContinuation { waiter in
      let isSettled = state.withLock { state in
        if state.isSettled { return true }
        state.settled.append(waiter)
        return false
      }
      if isSettled { waiter.resume() }
    }
    return state.withLock { state in
      guard case .whole = state.end, state.isFileGood else { return nil }
      return state.file
    }
  }

  /// Runs on the queue: writes whole blocks, and the last one when nothing follows.
  private func flush() {
    while true {
      let work: (EntryWriter, [(Block, Int, Int)])? = state.withLock { state in
        guard let file = state.file, !state.isFileBroken, let pieces = state.unflushed() else {
          state.isFlushing = false
          return nil
        }
        return (file, pieces)
      }
      guard let (file, pieces) = work else { return announce() }
      var written = 0
      var isBroken = false
      for (block, start, end) in pieces {
        do throws(PackStoreError) {
          try file.append(UnsafeRawBufferPointer(rebasing: block.memory[start..<end]))
          written += end - start
        } catch {
          isBroken = true
          break
        }
      }
      let producer = state.withLock { state in
        state.flushed += written
        if isBroken {
          state.isFileBroken = true
          state.keepsBeginning = false
        }
        state.trim()
        return state.takeProducer()
      }
      producer?.resume()
    }
  }

  private func announce() {
    let settled = state.withLock { $0.takeSettled() }
    for waiter in settled { waiter.resume() }
  }

  // MARK: Reading

  /// Begins to read at `offset`, which must still be there: 0 while the beginning is kept, or the count.
  /// - Returns: nil when those bytes are gone.
  package func makeReader(at offset: Int = 0) -> SpoolReader? {
    let number: Int? = state.withLock { state in
      guard offset >= state.base || offset < state.flushed, offset > 0 || state.keepsBeginning else { return nil }
      state.lastReader += 1
      state.readers[state.lastReader] = offset
      return state.lastReader
    }
    return number.map { SpoolReader(self, number: $0, offset: offset) }
  }

  /// Copies what is there from `offset` on into `buffer`.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    enum Place { case nowhere, memory(Block, Int, Int), file(EntryWriter) }
    let place: Place = state.withLock { state in
      guard offset < state.count else { return .nowhere }
      guard offset >= state.base else { return state.file.map { .file($0) } ?? .nowhere }
      let index = (offset - state.base) / Block.bytes
      let start = (offset - state.base) % Block.bytes
      return .memory(state.blocks[index], start, min(Block.bytes, start + state.count - offset))
    }
    switch place {
    case .nowhere: return 0
    case .memory(let block, let start, let end):
      let part = block.memory[start..<min(end, start + buffer.count)]
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
      return part.count
    case .file(let file): return try file.read(at: offset, into: buffer)
    }
  }

  /// How it ended, if there is nothing for the reader behind `offset` any more.
  func end(for reader: Int, at offset: Int) -> End? {
    state.withLock { state in
      if state.readers[reader] == nil {
        return .cut("the client was too slow while there was no place to keep the answer")
      }
      return state.count == offset ? state.end : nil
    }
  }

  /// Waits until there is something behind `offset`, or the end, or a reason not to wait.
  func waitForMore(behind offset: Int, unless isCancelled: () -> Bool) async {
    await withCheckedContinuation { reader in
      let isThere = state.withLock { state in
        if state.count > offset || state.end != nil || isCancelled() { return true }
        state.waitingReaders.append(reader)
        return false
      }
      if isThere { reader.resume() }
    }
  }

  func moved(_ reader: Int, to offset: Int) {
    update { if $0.readers[reader] != nil { $0.readers[reader] = offset } }
  }

  func left(_ reader: Int) { update { $0.readers[reader] = nil } }

  private func update(_ change: (inout State) -> Void) {
    let producer = state.withLock { state in
      change(&state)
      if !state.isFileGood && !state.keepsBeginning { state.trim() }
      return state.takeProducer()
    }
    producer?.resume()
  }

  /// Wakes everybody who waits for more, so that they look at themselves.
  func wakeReaders() {
    let waiting = state.withLock { state in
      defer { state.waitingReaders.removeAll() }
      return state.waitingReaders
    }
    for reader in waiting { reader.resume() }
  }
}
