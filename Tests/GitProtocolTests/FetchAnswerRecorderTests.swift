import GitProtocol
import Testing

private let prelude =
  packet("acknowledgments\n") + packet("ACK \(oneID)\n") + packet("ready\n") + PktLine.delimiter
  + packet("shallow-info\n") + packet("shallow \(twoID)\n") + PktLine.delimiter + packet("packfile\n")
private let progress = packet(.progress, bytes("Enumerating objects: 3, done.\n"))
private let pack = bytes("PACK\0\0\0\u{2}\0\0\0\u{3}") + Array(repeating: 0xab, count: 300)
private let answer =
  prelude + progress + packet(.data, Array(pack[..<12])) + packet("\u{1}") + progress + progress
  + packet(.data, Array(pack[12..<40])) + packet(.data, Array(pack[40...])) + packet("\u{2}") + PktLine.flush
private let kept =
  prelude + packet(.data, Array(pack[..<12])) + packet("\u{1}") + packet(.data, Array(pack[12..<40]))
  + packet(.data, Array(pack[40...])) + PktLine.flush

/// A recorder with all that it has kept.
private struct Recording {
  var recorder = FetchAnswerRecorder()
  var bytes: [UInt8] = []
  var runs = 0

  init(_ pieces: ArraySlice<UInt8>...) {
    for piece in pieces { advance(piece) }
    recorder.finish()
  }

  mutating func advance(_ piece: ArraySlice<UInt8>) {
    piece.withUnsafeBytes { piece in
      recorder.advance(over: piece) { run in
        #expect(!run.isEmpty)
        bytes += run
        runs += 1
      }
    }
    #expect(recorder.keptBytes == bytes.count)
  }
}

@Suite struct FetchAnswerRecorderTests {
  @Test func `All but the progress is kept, in as few runs as there are gaps`() {
    let recording = Recording(answer[...])
    #expect(recording.bytes == kept)
    #expect(recording.runs == 4)
    #expect(recording.recorder.verdict == .pack)
    #expect(recording.recorder.isComplete)
    #expect(recording.recorder.isAligned)
    #expect(recording.recorder.preludeBytes == prelude.count)
    #expect(recording.recorder.packBytes == pack.count)
  }

  @Test func `Two pieces or single bytes are kept alike`() {
    for border in answer.indices {
      let recording = Recording(answer[..<border], answer[border...])
      #expect(recording.bytes == kept)
      #expect(recording.recorder.isComplete)
      #expect(recording.recorder.preludeBytes == prelude.count)
      #expect(recording.recorder.packBytes == pack.count)
    }
    var single = Recording()
    single.recorder = FetchAnswerRecorder()
    for index in answer.indices { single.advance(answer[index...index]) }
    #expect(single.bytes == kept)
    #expect(single.recorder.isComplete)
  }

  @Test func `It is aligned where what was kept accounts for every byte`() {
    var recording = Recording()
    recording.recorder = FetchAnswerRecorder()
    var skipped = 0
    for index in answer.indices {
      let before = recording.bytes.count
      recording.advance(answer[index...index])
      skipped += 1 - (recording.bytes.count - before)
      // The packets of progress that are whole by now; all other bytes must have been kept.
      let whole = (try? packets(Array(answer[...index])).packets) ?? []
      let dropped = whole.reduce(0) { sum, packet in
        if case .data(let line) = packet, line.first == 2 { sum + line.count + PktLine.prefixBytes } else { sum }
      }
      #expect(recording.recorder.isAligned == (skipped == dropped), "\(index)")
    }
  }

  @Test func `An answer is undecided up to the packfile line, and complete at its end only`() {
    for count in answer.indices {
      var recording = Recording()
      recording.recorder = FetchAnswerRecorder()
      recording.advance(answer[..<count])
      #expect(recording.recorder.verdict == (count < prelude.count ? .undecided : .pack))
      #expect(!recording.recorder.isComplete)
      #expect(kept.starts(with: recording.bytes))
      #expect(recording.recorder.preludeBytes == (count < prelude.count ? 0 : prelude.count))
      recording.recorder.finish()
      #expect(recording.recorder.verdict == (count < prelude.count ? .other : .pack))
      #expect(!recording.recorder.isComplete)
    }
  }

  @Test(arguments: [
    packet("ERR no such repo"), packet("acknowledgments\n") + packet("NAK\n") + PktLine.flush, PktLine.flush, [],
    prelude + packet(.error, bytes("died")), prelude + packet(.data, pack) + packet(.error, bytes("died")),
    prelude + packet("\u{4}x") + PktLine.flush, prelude + packet("") + PktLine.flush, prelude + PktLine.delimiter,
    prelude + PktLine.responseEnd, PktLine.responseEnd, prelude + bytes("0003"), prelude + bytes("<html>"),
    bytes("<html><body>"), bytes("PACK"), answer + bytes("0"), answer + answer, answer + PktLine.flush,
    prelude + packet("ERR died"), packet("shallow-info\n") + packet("packfile\n") + packet(.data, pack) + PktLine.flush,
    packet("packfile-uris\n") + packet("x\n") + PktLine.flush,
    packet("packfilet") + packet(.data, pack) + PktLine.flush,
    packet("packfil") + packet(.data, pack) + PktLine.flush, bytes("00"),
  ])
  func `Anything else is nothing to keep, however it is cut`(stream: [UInt8]) {
    let whole = Recording(stream[...])
    #expect(whole.recorder.verdict == .other)
    for border in 0...stream.count {
      let recording = Recording(stream[..<border], stream[border...])
      #expect(recording.recorder.verdict == .other)
      #expect(!recording.recorder.isComplete)
      #expect(!recording.recorder.isAligned)
      #expect(recording.bytes == whole.bytes)
    }
  }

  @Test(arguments: ["packfile", "packfile\n"])
  func `A pack alone is an answer`(line: String) {
    let stream = packet(line) + packet(.data, pack) + PktLine.flush
    let recording = Recording(stream[...])
    #expect(recording.bytes == stream)
    #expect(recording.runs == 1)
    #expect(recording.recorder.isComplete)
  }
}
