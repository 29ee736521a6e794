/// The service's own addition to its routes: `/emulator/faults`, for tests of clients. Needs the API token, and is
/// beyond the reach of faults.
struct FaultPlane {
  static let path = "/emulator/faults"

  let plane: ControlPlane
  let faults: FaultList

  /// Answers a request whose path is `path` or below: GET lists, POST `{"spec":"..."}` adds, DELETE takes all away, or
  /// the one whose number follows.
  func reply(to request: APIRequest) -> APIReply {
    guard plane.isAuthenticated(request.authorization) else { return .failure(.notAuthenticated) }
    let rest = request.path.dropFirst(Self.path.count + 1)
    do throws(APIFault) {
      switch (request.method, rest) {
      case ("GET", ""): return .success(.array(faults.all.map(Self.json)))
      case ("DELETE", ""):
        faults.removeAll()
        return .noContent
      case ("DELETE", _):
        guard let id = Int(rest), faults.remove(id) else { throw .notFound("Fault") }
        return .noContent
      case ("POST", ""): return .success(try add(request), status: 201)
      default: return .unknownRoute
      }
    } catch {
      return .failure(error)
    }
  }

  private func add(_ request: APIRequest) throws(APIFault) -> JSONValue {
    let text = try BodyFields(request).requiredString("spec")
    let fault: Fault
    do throws(FaultError) { fault = try Fault(parsing: text) } catch { throw .invalid("\(error)", at: "spec") }
    guard let id = faults.add(fault) else { throw .invalid("Too many faults", at: nil) }
    return Self.json((id, fault))
  }

  private static func json(_ entry: (id: Int, fault: Fault)) -> JSONValue {
    .members([
      "id": .integer(entry.id), "spec": .string("\(entry.fault)"),
      "remaining": entry.fault.remaining.map(JSONValue.integer) ?? .null,
    ])
  }
}
