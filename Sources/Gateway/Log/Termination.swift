import HTTPTransport

/// Who ended a request, and what the gateway was doing for it by then: two characters, `--` for a request that came to its
/// end as it should.
struct Termination: Equatable, CustomStringConvertible {
  /// Who ended it.
  enum Party: UInt8 {
    case nobody = 0x2d  // -
    /// The client went away, or sent what cannot be read.
    case client = 0x43  // C
    /// The client was too slow.
    case slowClient = 0x63  // c
    /// The upstream, or the Artifacts API, refused, broke off or could not be reached.
    case upstream = 0x55  // U
    /// The upstream, or the Artifacts API, was too slow.
    case slowUpstream = 0x75  // u
    /// The gateway refused.
    case gateway = 0x47  // G
    /// The gateway was ended, and did not wait any longer.
    case killed = 0x4b  // K
  }

  let party: Party
  /// The letter of the phase.
  let phase: UInt8

  static let none = Termination(party: .nobody, phase: 0x2d)

  private init(party: Party, phase: UInt8) {
    self.party = party
    self.phase = phase
  }

  init(_ party: Party, in phase: RequestRecord.Phase) {
    self.party = party
    self.phase =
      switch phase {
      case .request: UInt8(ascii: "R")
      case .queue: UInt8(ascii: "Q")
      case .token: UInt8(ascii: "T")
      case .connect, .tls: UInt8(ascii: "C")
      case .head: UInt8(ascii: "H")
      case .data: UInt8(ascii: "D")
      }
  }

  /// - Parameter isKilled: connections are being cut because the gateway ends.
  init(of exchange: ServerExchange, _ record: RequestRecord, isKilled: Bool) {
    if let failure = record.failure {
      self.init(Self.party(of: failure.code), in: record.phase)
    } else if let problem = record.problem {
      // Nobody but the service gives its numbers, and nobody else is out of reach.
      let isUpstream = problem.code != nil || problem.status >= 500 || problem.status == 429
      let party: Party = problem.status == 504 ? .slowUpstream : isUpstream ? .upstream : .gateway
      self.init(party, in: isUpstream ? .token : .request)
    } else if record.cutReason != nil {
      self.init(.upstream, in: .data)
    } else if let failure = exchange.bodyFailure {
      self.init(isKilled ? .killed : failure == .timedOut ? .slowClient : .client, in: .request)
    } else if exchange.isFinished, record.clientFailure == nil {
      self = .none
    } else {
      let isSlow = record.clientFailure == .timedOut
      self.init(isKilled ? .killed : isSlow ? .slowClient : .client, in: record.phase)
    }
  }

  private static func party(of code: ProxyError.Code) -> Party {
    switch code {
    case .badRequest, .badConfiguration, .forbidden, .hostNotAllowed, .wrongMethod, .readOnly, .notFound, .busy,
      .unauthenticated, .tooManyFailures, .overLimit, .tooLarge:
      .gateway
    case .upstreamTimeout: .slowUpstream
    case .noSuchRepo, .credentials, .remoteRefused, .upstreamUnreachable, .upstreamError, .upstreamRedirect,
      .upstreamMalformed, .rateLimited, .cut:
      .upstream
    }
  }

  var description: String { String(decoding: [party.rawValue, phase], as: UTF8.self) }
}
