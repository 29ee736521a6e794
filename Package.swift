// swift-tools-version: 6.2
import PackageDescription

/// Every target is held to the same rules; a warning is an error.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .treatAllWarnings(as: .error),
  // Debug builds, and so all tests, check exclusive access at run time; in a release it cost 7 % of the instructions of a
  // small request.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// What runs once a request at the most is made small, not fast.
let small: [SwiftSetting] = strict + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// The commit being built, for `version`.
let commit = Context.gitInformation.map { $0.currentCommit + ($0.hasUncommittedChanges ? "-dirty" : "") } ?? "unknown"

/// A rung of the module ladder: it may import only what stands below it.
/// `Tests/ArchitectureTests` compares the `import` lines with this table.
func rung(_ name: String, _ dependencies: [Target.Dependency], _ settings: [SwiftSetting] = strict) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "artifacts-gateway",
  platforms: [.macOS(.v26)],
  products: [.executable(name: "artifacts-gateway", targets: ["artifacts-gateway"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
  ],
  targets: [
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    rung("EventLoop", ["CLinux", .product(name: "DequeModule", package: "swift-collections")]),
    rung("TLS", ["EventLoop", "COpenSSL"]),
    rung("HTTPCore", ["CNghttp2"]),
    rung("HTTPTransport", ["EventLoop", "TLS", "HTTPCore"]),
    rung("GitProtocol", ["CZlib"]),
    rung(
      "PackCache",
      ["GitProtocol", "EventLoop", "COpenSSL", .product(name: "DequeModule", package: "swift-collections")]),
    rung("ArtifactsAPI", ["HTTPTransport", "HTTPCore", "EventLoop"], small),
    rung(
      "ArtifactsEmulator",
      [
        "HTTPTransport", "HTTPCore", "EventLoop", "GitProtocol",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ], small),
    rung(
      "Gateway",
      [
        "ArtifactsAPI", "PackCache", "HTTPTransport", "HTTPCore", "GitProtocol", "TLS", "EventLoop", "CCrypt",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ], small),
    .target(name: "CVersion", cSettings: [.define("ARTIFACTS_GATEWAY_COMMIT", to: "\"\(commit)\"")]),
    .executableTarget(
      name: "artifacts-gateway",
      dependencies: [
        "Gateway", "ArtifactsEmulator", "ArtifactsAPI", "HTTPTransport", "HTTPCore", "GitProtocol", "TLS", "EventLoop",
        "CVersion",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      swiftSettings: small),

    .target(
      name: "GatewayTestSupport",
      dependencies: [
        "EventLoop", "TLS", "HTTPCore", "HTTPTransport", "GitProtocol", "ArtifactsAPI", "ArtifactsEmulator", "Gateway",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/GatewayTestSupport", swiftSettings: strict),
    // What is fuzzed, and what must hold; `Tests/Fuzz/run.sh` builds it with libFuzzer, the tests replay its inputs.
    .target(
      name: "Fuzzing", dependencies: ["HTTPCore", "GitProtocol"], path: "Tests/Fuzz/Targets", swiftSettings: strict),
    tests("FuzzTests", ["Fuzzing", "GatewayTestSupport"]),
    tests("ArchitectureTests", []),
    tests("EventLoopTests", ["EventLoop", "GatewayTestSupport"]),
    tests("TLSTests", ["TLS", "EventLoop", "GatewayTestSupport"]),
    tests("HTTPCoreTests", ["HTTPCore", "GatewayTestSupport"]),
    tests("HTTPTransportTests", ["HTTPTransport", "HTTPCore", "EventLoop", "TLS", "GatewayTestSupport"]),
    tests("GitProtocolTests", ["GitProtocol", "GatewayTestSupport"]),
    tests("PackCacheTests", ["PackCache", "GitProtocol", "EventLoop", "GatewayTestSupport"]),
    tests(
      "ArtifactsAPITests", ["ArtifactsAPI", "HTTPTransport", "HTTPCore", "EventLoop", "TLS", "GatewayTestSupport"]),
    tests(
      "ArtifactsEmulatorTests", ["ArtifactsEmulator", "HTTPTransport", "HTTPCore", "EventLoop", "GatewayTestSupport"]),
    tests(
      "GatewayTests",
      [
        "Gateway", "ArtifactsAPI", "ArtifactsEmulator", "HTTPTransport", "HTTPCore", "EventLoop", "TLS", "GitProtocol",
        "PackCache", "Fuzzing", "GatewayTestSupport",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    tests(
      "EndToEndTests",
      ["Gateway", "ArtifactsEmulator", "HTTPTransport", "HTTPCore", "EventLoop", "TLS", "GatewayTestSupport"]),
    tests(
      "DocumentationTests",
      [
        "artifacts-gateway", .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
