import ArtifactsEmulator
import Gateway
import GatewayTestSupport
import TLS
import Testing

/// The script of Cloudflare's page about git clients, with nothing changed but where the API is.
@Suite(
  .enabled(
    if: Git.isThere && Git.tool("curl") && Git.tool("jq") && Git.tool("bash") && Certificates.directory != nil),
  .timeLimit(.minutes(5)))
struct GitClientPageTests {
  private static let fetchAndMint = #"""
    # Set your account details
    export ACCOUNT_ID="0123456789abcdef0123456789abcdef"
    export ARTIFACTS_NAMESPACE="default"
    export ARTIFACTS_REPO="starter-repo"
    export ARTIFACTS_BASE_URL="$API/accounts/$ACCOUNT_ID/artifacts/namespaces/$ARTIFACTS_NAMESPACE"

    # Fetch the repo's remote URL
    REPO_JSON=$(curl --silent "$ARTIFACTS_BASE_URL/repos/$ARTIFACTS_REPO" \
      --header "Authorization: Bearer $CLOUDFLARE_API_TOKEN")

    ARTIFACTS_REMOTE=$(printf '%s' "$REPO_JSON" | jq -r '.result.remote')

    # Mint a short-lived read token
    TOKEN_JSON=$(curl --silent "$ARTIFACTS_BASE_URL/tokens" \
      --header "Authorization: Bearer $CLOUDFLARE_API_TOKEN" \
      --header "Content-Type: application/json" \
      --data "{\"repo\":\"$ARTIFACTS_REPO\",\"scope\":\"SCOPE\",\"ttl\":3600}")

    ARTIFACTS_TOKEN=$(printf '%s' "$TOKEN_JSON" | jq -r '.result.plaintext')

    """#

  private static let cloneWithHeader = #"""
    git -c http.extraHeader="Authorization: Bearer $ARTIFACTS_TOKEN" clone "$ARTIFACTS_REMOTE" artifacts-clone

    """#

  private static let cloneByURL = #"""
    ARTIFACTS_TOKEN_SECRET="${ARTIFACTS_TOKEN%%\?expires=*}"
    ARTIFACTS_AUTH_REMOTE="https://x:${ARTIFACTS_TOKEN_SECRET}@${ARTIFACTS_REMOTE#https://}"

    git clone "$ARTIFACTS_AUTH_REMOTE" artifacts-clone

    """#

  /// "The same approach works for fetch, pull, push, and any other Git operation."
  private static let others = #"""
    with_token() { git -c http.extraHeader="Authorization: Bearer $ARTIFACTS_TOKEN" "$@"; }
    with_token -C artifacts-clone fetch origin
    with_token -C artifacts-clone pull --ff-only
    with_token -C artifacts-clone ls-remote origin

    """#

  private static let commit = #"""
    cd artifacts-clone
    echo changed >>README.md
    git -c user.name=x -c user.email=x@localhost commit -qam changed

    """#

  private func script(_ parts: String..., scope: String = "read") -> ShellScript {
    ShellScript(parts.joined().split(separator: "SCOPE").joined(separator: scope))
  }

  private func withService(_ body: (EmulatorGateway, [String: String]) async throws -> Void) async throws {
    let server = try TLSServerContext(
      certificateFile: Certificates.path("good.pem"), keyFile: Certificates.path("good.key"),
      applicationProtocols: ["http/1.1"])
    try await EmulatorGateway.with(tls: server, configure: { $0.caFile = Certificates.path("ca.pem") }) { test in
      try await test.emulator.seed(repo: "starter-repo")
      let variables = [
        "API": "\(test.emulator.baseURL)/client/v4", "CLOUDFLARE_API_TOKEN": EmulatorGateway.apiToken,
        "CURL_CA_BUNDLE": Certificates.path("ca.pem"), "GIT_SSL_CAINFO": Certificates.path("ca.pem"),
      ]
      try await body(test, variables)
    }
  }

  @Test func `a clone with the token in a header works, and what else git does`() async throws {
    try await withService { test, variables in
      let printed = try await script(Self.fetchAndMint, Self.cloneWithHeader, Self.others).run(
        in: test.folder, variables)
      #expect(printed.contains("refs/heads/main"))
      #expect(try contents(of: test.folder + "/artifacts-clone/README.md").hasPrefix("# starter-repo\n"))
      try await test.git.check("artifacts-clone")
    }
  }

  @Test func `a clone with the secret in the URL works, and what else git does without any header`() async throws {
    try await withService { test, variables in
      let pull = "git -C artifacts-clone pull --ff-only\n"
      try await script(Self.fetchAndMint, Self.cloneByURL, pull).run(in: test.folder, variables)
      #expect(try contents(of: test.folder + "/artifacts-clone/README.md").hasPrefix("# starter-repo\n"))
      try await test.git.check("artifacts-clone")
    }
  }

  @Test(arguments: [true, false])
  func `a push needs a token for writing`(byURL: Bool) async throws {
    try await withService { test, variables in
      let clone = byURL ? Self.cloneByURL : Self.cloneWithHeader
      let push =
        byURL
        ? "git push origin main\n"
        : "git -c http.extraHeader=\"Authorization: Bearer $ARTIFACTS_TOKEN\" push origin main\n"
      let refused = await #expect(throws: TestFailure.self) {
        try await script(Self.fetchAndMint, clone, Self.commit, push).run(in: test.folder, variables)
      }
      #expect("\(refused, default: "")".contains("remote: Insufficient permissions"))
      #expect("\(refused, default: "")".contains("The requested URL returned error: 403"))
      try await ShellScript("rm -rf artifacts-clone").run(in: test.folder)
      try await script(Self.fetchAndMint, clone, Self.commit, push, scope: "write").run(in: test.folder, variables)
      try await ShellScript("mv artifacts-clone pushed").run(in: test.folder)
      try await script(Self.fetchAndMint, clone).run(in: test.folder, variables)
      let heads = try await test.git.refs(in: "pushed", "refs/heads")
      #expect(try await test.git.refs(in: "artifacts-clone", "refs/heads") == heads)
      #expect(try contents(of: test.folder + "/artifacts-clone/README.md").hasSuffix("changed\n"))
    }
  }
}
