import ArtifactsAPI
import EventLoop
import Gateway
import HTTPTransport
import TLS

/// Checks the way from the gateway to the API, and what the API token opens there.
struct ServiceDoctor {
  /// How far two clocks may be apart before tokens seem expired too early or too late, seconds.
  private static let allowedSkew = (warn: 30.0, fail: 300.0)

  let configuration: GatewayConfiguration
  let loop: Loop

  func examine(_ diagnosis: inout Diagnosis) async {
    let probe: UpstreamProbe
    do { probe = try UpstreamProbe(configuration, on: loop) } catch {
      return diagnosis.fail("tls", "\(error)", next: "mend the file of --ca-file", GatewayExit.configuration)
    }
    if let contact = await reach(probe, &diagnosis) {
      clock(contact, &diagnosis)
      await token(probe, &diagnosis)
    } else {
      for name in ["clock", "api-read", "api-edit"] { diagnosis.skip(name, "the API is not reached") }
    }
    await probe.close()
  }

  // MARK: The way

  /// Checks one request stage by stage: it is made once, and how far it came tells of all stages.
  private func reach(_ probe: UpstreamProbe, _ diagnosis: inout Diagnosis) async -> UpstreamProbe.Contact? {
    let hop = probe.nextHop
    let origin = configuration.endpoint.base.origin
    diagnosis.ok("proxy", hop.isProxy ? "\(origin) by way of \(hop.host):\(hop.port)" : "none for \(origin)")
    do {
      let addresses = try await probe.addresses(of: hop.host, port: hop.port)
      diagnosis.ok("dns", "\(hop.host) is \(addresses.map(\.host).joined(separator: ", "))")
    } catch {
      diagnosis.fail(
        "dns", "\(error)",
        next: "check the name in \(hop.isProxy ? "HTTPS_PROXY" : "--api-base"), and /etc/resolv.conf",
        GatewayExit.unavailable)
      for name in ["tcp", "tls"] { diagnosis.skip(name, "the name has no address") }
      return nil
    }
    let secure = origin.isSecure
    do {
      let contact = try await probe.contact()
      diagnosis.ok("tcp", "\(hop.host):\(hop.port) takes connections")
      diagnosis.ok("tls", secure ? "the certificate of \(origin.host) is trusted" : "\(origin) is in the clear")
      return contact
    } catch .connect(let error) {
      diagnosis.fail(
        "tcp", "\(error)",
        next: "check that \(hop.host):\(hop.port) may be reached from here; where a proxy is needed, set HTTPS_PROXY",
        GatewayExit.unavailable)
      diagnosis.skip("tls", "there is no connection")
    } catch .proxyRefused(let status) {
      diagnosis.fail(
        "tcp", "the proxy \(hop.host):\(hop.port) answered \(status)",
        next: status == 407
          ? "put the proxy's user and password into HTTPS_PROXY" : "ask who runs the proxy to let \(origin) pass",
        GatewayExit.unavailable)
      diagnosis.skip("tls", "there is no connection")
    } catch .tls(let error) {
      diagnosis.ok("tcp", "\(hop.host):\(hop.port) takes connections")
      diagnosis.fail(
        "tls", "\(error)", next: "where a proxy shows a certificate of its own, give its authority by --ca-file",
        GatewayExit.unavailable)
    } catch {
      diagnosis.fail(
        "tcp", "\(origin): \(error)", next: "check that it is the Artifacts API that answers there",
        GatewayExit.unavailable)
      diagnosis.skip("tls", "there was no answer")
    }
    return nil
  }

  private func clock(_ contact: UpstreamProbe.Contact, _ diagnosis: inout Diagnosis) {
    guard let date = contact.date else { return diagnosis.skip("clock", "the API does not tell the time") }
    // The field has whole seconds, and was written some time ago.
    let skew = max(0, abs(configuration.wallClock() - Double(date)) - 1)
    let detail = skew < 1 ? "the API's, within a second or two" : "\(Int(skew)) s from the API's"
    let next = "set this machine's clock, as by: timedatectl set-ntp true"
    if skew >= Self.allowedSkew.fail {
      diagnosis.fail("clock", detail, next: next, GatewayExit.configuration)
    } else if skew >= Self.allowedSkew.warn {
      diagnosis.warn("clock", detail, next: next)
    } else {
      diagnosis.ok("clock", detail)
    }
  }

  // MARK: The token

  private func token(_ probe: UpstreamProbe, _ diagnosis: inout Diagnosis) async {
    let repo: RepoKey?
    do { repo = try await probe.firstRepo() } catch {
      refused("api-read", error, needing: "Artifacts Read", &diagnosis)
      return diagnosis.skip("api-edit", "the token does not even read")
    }
    diagnosis.ok("api-read", "the token lists repos of namespace \(configuration.namespace)")
    guard let repo else {
      return diagnosis.skip("api-edit", "there is no repo in namespace \(configuration.namespace) to mint a token for")
    }
    do {
      try await probe.mint(for: repo)
      diagnosis.ok("api-edit", "a read token for \(repo) was minted and revoked")
    } catch {
      refused("api-edit", error, needing: "Artifacts Edit", &diagnosis)
    }
  }

  private func refused(
    _ name: String, _ error: ArtifactsError, needing permission: String, _ diagnosis: inout Diagnosis
  ) {
    let detail = error.status.map { "the API answered \($0): \(error)" } ?? "\(error)"
    switch error.status {
    case 401, 403:
      diagnosis.fail(
        name, detail, next: "make an API token with the permission \(permission) on this account; minting needs Edit",
        GatewayExit.credentials)
    case 429: diagnosis.fail(name, detail, next: "wait a minute and try again", GatewayExit.unavailable)
    case 404:
      diagnosis.fail(name, detail, next: "check --account-id and --namespace", GatewayExit.configuration)
    default:
      diagnosis.fail(
        name, detail, next: "try again; if it stays, see https://www.cloudflarestatus.com", GatewayExit.unavailable)
    }
  }
}
