import HTTPCore
import Testing

@Suite
struct FieldsTests {
  private let fields = Fields([(.accept, "a"), (.host, "h"), (.accept, "b")])

  @Test func `a field is found by its name`() {
    #expect(fields[.accept] == "a")
    #expect(fields[.date] == nil)
    #expect(fields.contains(.host))
    #expect(!fields.contains("hos"))
    #expect(fields.count(of: .accept) == 2)
    #expect(fields.count == 3)
  }

  @Test func `setting takes the place of all earlier ones`() {
    var changed = fields
    changed.set(.accept, "c")
    #expect(changed.list.map { "\($0.name)=\($0.value)" } == ["host=h", "accept=c"])
    changed.remove(.host)
    #expect(changed.list.map(\.name) == ["accept"])
    #expect(fields.count == 3)
  }

  @Test func `fields that were read can be added to`() throws {
    var head = try parseRequest("GET / HTTP/1.1\r\nHost: a\r\nDate: x\r\n\r\n")
    head.fields.append(.allow, "GET")
    head.fields.set(.date, "y")
    #expect(head.fields.list.map { "\($0.name)=\($0.value)" } == ["host=a", "allow=GET", "date=y"])
  }

  @Test func `values that are no text are kept as bytes`() throws {
    let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [0xff, 0x80] + Array("\r\n\r\n".utf8)
    let read = { (bytes: UnsafeRawBufferPointer) throws(HTTPParseError) in try RequestHead(parsing: bytes) }
    let head = try #require(try parse(bytes, read)).head
    var value: [UInt8] = []
    head.fields.forEach { name, bytes in if Fields.matches(name, "x") { value = Array(bytes) } }
    #expect(value == [0xff, 0x80])
  }

  @Test(arguments: [
    ("a\r\nb: c", "a  b: c"), ("a\n", "a "), ("\u{0}", " "), ("\u{7f}", " "), ("\u{1b}[1m", " [1m"), ("a\tb", "a\tb"),
  ])
  func `no value ends its line, wherever it comes from`(_ value: String, _ kept: String) {
    var fields = Fields([(.host, value)])
    fields.append(.location, value)
    #expect(fields.list.map(\.value) == [kept, kept])
  }
}
