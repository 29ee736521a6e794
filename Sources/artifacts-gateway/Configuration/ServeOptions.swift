import ArgumentParser

/// The flags of `serve`. Each has a twin in the environment: `--token-ttl` is `ARTIFACTS_GATEWAY_TOKEN_TTL`.
struct ServeOptions: ParsableArguments {
  @Option(help: "TOML file whose keys are these flags with underscores: token_ttl = \"1h\".")
  var config: String?

  @Option(
    help:
      "Address to listen on: 127.0.0.1:7080, [::1]:7080, https://0.0.0.0:7443, unix:/path; repeatable; port 0 picks one."
  )
  var listen: [String] = []

  @Option(help: "Address for the admin API and the status page, which are then served nowhere else; repeatable.")
  var adminListen: [String] = []

  @Option(help: "PEM file with the certificate chain for listeners; read anew when it changes.")
  var tlsCert: String?

  @Option(help: "PEM file with the key of --tls-cert.")
  var tlsKey: String?

  @Option(help: "PEM file with authorities: clients must show a certificate that one of them has signed.")
  var tlsClientCa: String?

  @Flag(help: "Run the embedded Artifacts service as upstream: no account, no token.")
  var local = false

  @Option(help: "Where the embedded service keeps its repos.")
  var dataDir: String?

  @Flag(help: "Let the embedded service import from http:// on this machine too, for tests.")
  var allowLoopbackImport = false

  @Option(help: "Cloudflare account id; also CLOUDFLARE_ACCOUNT_ID or CF_ACCOUNT_ID.")
  var accountId: String?

  @Option(help: "Namespace of /git/<repo> (default: default).")
  var namespace: String?

  @Option(help: "Base URL of the API (default: https://api.cloudflare.com/client/v4).")
  var apiBase: String?

  @Option(help: "File with the API token; also CLOUDFLARE_API_TOKEN or CF_API_TOKEN, or those with _FILE.")
  var apiTokenFile: String?

  @Option(help: "PEM file of certificate authorities to trust instead of the system's.")
  var caFile: String?

  @Option(help: "Host that remotes may be on, or *.suffix; repeatable (default: *.artifacts.cloudflare.net).")
  var allowRemoteHost: [String] = []

  @Flag(help: "Allow http:// upstreams, on loopback only.")
  var allowInsecureUpstream = false

  @Flag(help: "Allow remotes whose names have private, link-local or loopback addresses.")
  var allowPrivateUpstream = false

  @Option(help: "HTTP towards upstreams: auto, 1.1 or 2; auto is HTTP/2 for all but packs (default: auto).")
  var upstreamHttp: String?

  @Option(help: "Skip the look-up: the remote's URL with {account}, {namespace} and {repo} in it.")
  var remoteTemplate: String?

  @Option(help: "Use the bearer token in this file for every repo instead of minting; with --remote-template.")
  var staticTokenFile: String?

  @Option(help: "Life of minted tokens, in seconds or like 1h (default: 1h).")
  var tokenTtl: String?

  @Flag(help: "Refuse pushes.")
  var readOnly = false

  @Flag(help: "Let pushes through to repos whose read_only is set, as the service itself does.")
  var allowPushToReadOnly = false

  @Flag(help: "Create a missing repo when the first push to it comes (default: with --local only).")
  var createOnPush = false

  @Flag(help: "Allow listening beyond loopback without authentication.")
  var allowAnonymous = false

  @Option(help: "TOML file that says who may do what; read anew when it changes (default: nobody is asked who he is).")
  var accessFile: String?

  @Option(
    help: "Name that clients may say in Host, or *.suffix, beside loopback and the addresses listened on; repeatable.")
  var allowHost: [String] = []

  @Flag(help: "Allow files with secrets that others than their owner may read.")
  var allowSharedSecretFiles = false

  @Option(
    help:
      "Where packs are kept (default: $CACHE_DIRECTORY, or artifacts-gateway in $XDG_CACHE_HOME or ~/.cache; with --local, in --data-dir)."
  )
  var cacheDir: String?

  @Option(help: "Most bytes of packs on the disk, such as 500MB or 2GiB; 0 keeps none (default: 2GiB).")
  var cacheSize: String?

  @Option(
    help:
      "How long a kept pack is served after the upstream was last seen to advertise what it was fetched by (default: 15m)."
  )
  var cacheGrace: String?

  @Option(
    help:
      "How long the capabilities of a repo, which name no refs, are answered without asking; 0 asks always (default: 60s)."
  )
  var advertisementTtl: String?

  @Option(help: "Event loops (default: one for each processor).")
  var threads: Int?

  @Option(help: "Connections at once (default: 1024).")
  var maxConnections: Int?

  @Option(help: "Fetches and pushes at once; more wait for up to 5 s (default: 256).")
  var maxTransfers: Int?

  @Option(
    help: "Requests in 10 s that git and the API of the upstream get at most, each; 0 is any number (default: 2000)."
  )
  var upstreamLimit: Int?

  @Option(help: "How long to go on serving after the signal to end, before new connections are refused (default: 0).")
  var shutdownDelay: String?

  @Option(help: "How long running transfers may take to finish at the end (default: 60s).")
  var drainTimeout: String?

  @Option(help: "End when no request but health probes has been in flight for so long (default: 0, which is never).")
  var exitOnIdle: String?

  @Option(help: "File for the audit log: who pushed, changed or was refused what, one JSON object a line.")
  var auditFile: String?

  @Option(help: "Length from which on the audit log begins another file and keeps five; 0 is any (default: 64MiB).")
  var auditMaxSize: String?

  @OptionGroup var log: LogOptions
}

/// The flags about logging, shared by the commands that serve.
struct LogOptions: ParsableArguments {
  @Option(help: "auto, text or json; auto is text on a terminal and JSON elsewhere.")
  var logFormat: String?

  @Option(help: "trace, debug, info, notice, warning, error or critical (default: info).")
  var logLevel: String?
}
