import GitProtocol
import Testing

@Suite struct ServiceTests {
  @Test func `The wire names are those of gitprotocol-http`() {
    #expect(Service(wireName: "git-upload-pack") == .uploadPack)
    #expect(Service(wireName: "git-receive-pack") == .receivePack)
    #expect(Service(wireName: "upload-pack") == nil)
    #expect(Service.uploadPack.advertisementContentType == "application/x-git-upload-pack-advertisement")
    #expect(Service.uploadPack.requestContentType == "application/x-git-upload-pack-request")
    #expect(Service.receivePack.resultContentType == "application/x-git-receive-pack-result")
  }

  @Test(arguments: [
    (nil, ProtocolVersion.v0), ("", .v0), ("version=0", .v0), ("version=1", .v1), ("version=2", .v2),
    ("version=2:key=value", .v2), ("key:version=2", .v2), ("version=1:version=2", .v2), ("version=2:version=1", .v2),
    ("version=3", .v0), ("version=22", .v0), ("Version=2", .v0), (":::", .v0), ("version", .v0),
  ])
  func `The highest known version of a Git-Protocol field wins`(value: String?, version: ProtocolVersion) {
    #expect(ProtocolVersion(fieldValue: value) == version)
  }

  @Test(
    arguments: [
      (nil, BodyCoding.identity), ("", .identity), ("identity", .identity), ("gzip", .gzip), ("X-GZip", .gzip),
      ("br", nil), ("gzip, gzip", nil),
    ] as [(String?, BodyCoding?)])
  func `Only gzip and identity are codings of a Git body`(value: String?, coding: BodyCoding?) {
    #expect(BodyCoding(contentEncoding: value) == coding)
  }
}
