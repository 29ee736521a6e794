/// The fields of a message head, in order. Names are lower-case; the bytes of all fields share one block: that of the head
/// they were read from, or one that grows as they are added.
///
/// Names and values are checked where they enter: by the reader, which refuses, or by `append`, which makes them harmless. Lookup is linear: heads hold at most a hundred fields.
package struct Fields: Sendable {
  /// Where a field's name and value lie in the block.
  struct Entry {
    var nameStart: UInt32
    var nameLength: UInt32
    var valueStart: UInt32
    var valueLength: UInt32
  }

  private var storage: [UInt8] = []
  private var entries: [Entry] = []

  package init() {}

  /// - Parameter list: names and values that the program chose itself.
  package init(_ list: [(FieldName, String)]) {
    for (name, value) in list { append(name, value) }
  }

  package var count: Int { entries.count }

  /// Takes fields over from a head, which is copied once. Names are brought to lower case.
  init(copying head: UnsafeRawBufferPointer, _ entries: [Entry]) {
    self.entries = entries
    storage = Array(unsafeUninitializedCapacity: head.count) { buffer, count in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: head)
      count = head.count
      for entry in entries {
        for index in Int(entry.nameStart)..<Int(entry.nameStart + entry.nameLength)
        where buffer[index] &- 0x41 < 26 { buffer[index] |= 0x20 }
      }
    }
  }

  // MARK: Adding

  /// Adds a field. What cannot stand in a value, such as CR, LF or NUL, becomes a blank (RFC 9110 section 5.5): no text,
  /// wherever it comes from, can end its line.
  package mutating func append(_ name: FieldName, _ value: String) {
    var value = value
    value.withUTF8 { append(name, UnsafeRawBufferPointer($0)) }
  }

  /// Adds a field with a value from bytes, which are treated in the same way.
  package mutating func append(_ name: FieldName, _ value: UnsafeRawBufferPointer) {
    let start = UInt32(storage.count)
    let length = UInt32(name.bytes.count)
    storage.append(contentsOf: name.bytes)
    storage.append(UInt8(ascii: ":"))
    storage.append(UInt8(ascii: " "))
    storage.append(contentsOf: value)
    let end = storage.count
    for index in end - value.count..<end where !Grammar.isFieldContent(storage[index]) { storage[index] = 0x20 }
    entries.append(
      Entry(nameStart: start, nameLength: length, valueStart: start + length + 2, valueLength: UInt32(value.count)))
  }

  /// Adds a field whose name and value were checked by whoever read them; the name is lower-case.
  mutating func append(checked name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    let start = UInt32(storage.count)
    storage.append(contentsOf: name)
    storage.append(UInt8(ascii: ":"))
    storage.append(UInt8(ascii: " "))
    storage.append(contentsOf: value)
    entries.append(
      Entry(
        nameStart: start, nameLength: UInt32(name.count), valueStart: start + UInt32(name.count) + 2,
        valueLength: UInt32(value.count)))
  }

  /// Makes room for `count` fields of `bytes` in all.
  mutating func reserve(_ count: Int, bytes: Int) {
    storage.reserveCapacity(bytes)
    entries.reserveCapacity(count)
  }

  /// Sets a field: earlier ones of the same name go.
  package mutating func set(_ name: FieldName, _ value: String) {
    remove(name)
    append(name, value)
  }

  package mutating func remove(_ name: FieldName) {
    let kept = storage.withUnsafeBytes { bytes in
      entries.filter { !Self.matches(Self.name(of: $0, in: bytes), name) }
    }
    entries = kept
  }

  // MARK: Looking up

  /// The first value of the field, or nil.
  package subscript(name: FieldName) -> String? {
    storage.withUnsafeBytes { bytes in
      for entry in entries where Self.matches(Self.name(of: entry, in: bytes), name) {
        return String(decoding: Self.value(of: entry, in: bytes), as: UTF8.self)
      }
      return nil
    }
  }

  /// Calls `body` with how many fields of the name there are and the value of the first, which is valid inside `body` only;
  /// it is empty when there is none.
  package func withValue<Result>(
    of name: FieldName, _ body: (_ count: Int, _ first: UnsafeRawBufferPointer) -> Result
  ) -> Result {
    storage.withUnsafeBytes { bytes in
      var count = 0
      var first = UnsafeRawBufferPointer(start: nil, count: 0)
      for entry in entries where Self.matches(Self.name(of: entry, in: bytes), name) {
        if count == 0 { first = Self.value(of: entry, in: bytes) }
        count += 1
      }
      return body(count, first)
    }
  }

  package func contains(_ name: FieldName) -> Bool { count(of: name) > 0 }

  package func count(of name: FieldName) -> Int {
    storage.withUnsafeBytes { bytes in
      entries.reduce(0) { $0 + (Self.matches(Self.name(of: $1, in: bytes), name) ? 1 : 0) }
    }
  }

  /// Calls `body` with each field's lower-case name and its value, in order. The bytes are valid inside `body` only.
  package func forEach(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
    storage.withUnsafeBytes { bytes in
      for entry in entries { body(Self.name(of: entry, in: bytes), Self.value(of: entry, in: bytes)) }
    }
  }

  /// Calls `body` with each field's lower-case name and its line as it is written, without the CRLF. The bytes are valid
  /// inside `body` only.
  package func forEachLine(_ body: (_ name: UnsafeRawBufferPointer, _ line: UnsafeRawBufferPointer) -> Void) {
    storage.withUnsafeBytes { bytes in
      for entry in entries {
        let end = Int(entry.valueStart + entry.valueLength)
        body(
          Self.name(of: entry, in: bytes), UnsafeRawBufferPointer(rebasing: bytes[Int(entry.nameStart)..<end]))
      }
    }
  }

  /// The fields as names and values, for tests and logs.
  package var list: [(name: String, value: String)] {
    var list: [(name: String, value: String)] = []
    forEach { list.append((String(decoding: $0, as: UTF8.self), String(decoding: $1, as: UTF8.self))) }
    return list
  }

  /// Whether a lower-case name, as `forEach` lends it, is `known`.
  package static func matches(_ name: UnsafeRawBufferPointer, _ known: FieldName) -> Bool {
    let other = known.bytes
    guard name.count == other.count else { return false }
    for index in 0..<name.count where name[index] != other[index] { return false }
    return true
  }

  private static func name(of entry: Entry, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[Int(entry.nameStart)..<Int(entry.nameStart + entry.nameLength)])
  }

  private static func value(of entry: Entry, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[Int(entry.valueStart)..<Int(entry.valueStart + entry.valueLength)])
  }
}
