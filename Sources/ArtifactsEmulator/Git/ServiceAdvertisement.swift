import GitProtocol

/// The refs and capabilities of a repo as the service advertises them, which is less than what stock git does.
/// The lists were recorded from the live service, which calls itself `gitty`.
enum ServiceAdvertisement {
  private static let agent = "agent=gitty/1.0"

  private static let uploadPack = [
    agent, "object-format=sha1", "multi_ack", "multi_ack_detailed", "no-done", "side-band", "side-band-64k", "shallow",
    "deepen-since", "deepen-not", "deepen-relative", "allow-tip-sha1-in-want", "allow-reachable-sha1-in-want",
    "no-progress",
  ]

  private static let receivePack = ["report-status", "delete-refs", "ofs-delta", "side-band-64k"]

  /// Protocol v2 for upload-pack: the same for every repo. Unlike stock git the service puts a banner before it.
  static let version2 = CapabilityAdvertisement(
    capabilities: [agent, "ls-refs=unborn", "fetch=shallow filter sideband-all", "object-format=sha1"], hasBanner: true
  ).encoded()

  /// Rewrites what stock git printed.
  /// - Parameter headTarget: named also while there is no such branch, which stock git does not do.
  static func rewrite(
    _ output: [UInt8], _ service: Service, version: ProtocolVersion, headTarget: String?
  ) throws(AdvertisementError) -> [UInt8] {
    var advertisement = try Advertisement(parsing: output, service: service)
    advertisement.capabilities = service == .uploadPack ? uploadPack : receivePack
    advertisement.version = version == .v1 && service == .uploadPack ? .v1 : .v0
    advertisement.headTarget = headTarget ?? advertisement.headTarget
    if service == .receivePack { advertisement.placeHeadFirst() }
    return advertisement.encoded()
  }
}
