import ArgumentParser
import Gateway

struct OpenAPICommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "openapi", abstract: "Print the OpenAPI 3.1 document of the admin API.", discussion: GatewayExit.help)

  func run() async throws { printLine(AdminDocument.text) }
}
