/// What the gateway exposes.
package enum MetricNames {
  static let prefix = "artifacts_gateway_"

  static let buildInfo = "artifacts_gateway_build_info"
  static let requests = "artifacts_gateway_http_requests_total"
  static let inFlight = "artifacts_gateway_http_requests_in_flight"
  static let duration = "artifacts_gateway_http_request_duration_seconds"
  static let firstByte = "artifacts_gateway_http_time_to_first_byte_seconds"
  static let transferred = "artifacts_gateway_transfer_bytes_total"
  static let upstreamRequests = "artifacts_gateway_upstream_requests_total"
  static let connects = "artifacts_gateway_upstream_connects_total"
  static let connections = "artifacts_gateway_upstream_connections"
  static let retries = "artifacts_gateway_upstream_retries_total"
  static let mints = "artifacts_gateway_token_mints_total"
  static let refFlights = "artifacts_gateway_ref_flights_total"
  static let cacheRequests = "artifacts_gateway_cache_requests_total"
  static let cacheBytes = "artifacts_gateway_cache_bytes"
  static let savedBytes = "artifacts_gateway_cache_saved_bytes_total"
  static let rejected = "artifacts_gateway_rejected_requests_total"
  static let policyRefusals = "artifacts_gateway_policy_refusals_total"
  static let draining = "artifacts_gateway_draining"
  static let reloadFailed = "artifacts_gateway_config_reload_failed"
  static let droppedLines = "artifacts_gateway_log_lines_dropped_total"
  static let auditLost = "artifacts_gateway_audit_lost_total"

  /// In the order of the exposition.
  package static let families: [MetricFamily] = [
    MetricFamily(buildInfo, .gauge, "1, with the version of the program.", labels: ["version"]),
    MetricFamily(
      requests, .counter, "Requests that have ended, by the status that the client was sent; 0 if none was.",
      labels: ["service", "code"]),
    MetricFamily(inFlight, .gauge, "Requests that are being served."),
    MetricFamily(duration, .histogram, "From a request's head to the end of its response.", labels: ["service"]),
    MetricFamily(firstByte, .histogram, "From a request's head to the head of its response.", labels: ["service"]),
    MetricFamily(
      transferred, .counter, "Bytes of request bodies (in) and of responses (out), added when a request ends.",
      labels: ["service", "direction"]),
    MetricFamily(
      upstreamRequests, .counter, "Requests sent upstream, by what answered; code 0 is no answer.",
      labels: ["target", "code"]),
    MetricFamily(connects, .counter, "Connections opened to upstreams, or tried.", labels: ["result"]),
    MetricFamily(connections, .gauge, "Connections that are open to upstreams.", labels: ["state"]),
    MetricFamily(retries, .counter, "Upstream requests that were sent again.", labels: ["reason"]),
    MetricFamily(mints, .counter, "Tokens asked of the Artifacts API.", labels: ["scope", "result"]),
    MetricFamily(
      refFlights, .counter, "Questions for refs: asked alone, asked for all who wait, or answered along with others.",
      labels: ["result"]),
    MetricFamily(cacheRequests, .counter, "Fetches, by what the pack cache had to do with them.", labels: ["outcome"]),
    MetricFamily(cacheBytes, .gauge, "Bytes of cached packs on the disk."),
    MetricFamily(savedBytes, .counter, "Bytes that clients got and the upstream was not asked for."),
    MetricFamily(rejected, .counter, "Requests that the gateway itself refused.", labels: ["reason"]),
    MetricFamily(
      policyRefusals, .counter, "Requests that no rule allows: refused (enforce), or served all the same (report).",
      labels: ["mode"]),
    MetricFamily(draining, .gauge, "1 while the gateway is about to leave."),
    MetricFamily(reloadFailed, .gauge, "1 while the configuration on disk is one that could not be taken up."),
    MetricFamily(droppedLines, .counter, "Lines that the log had no room for."),
    MetricFamily(auditLost, .counter, "Lines that the audit log had no room for, or that could not be written."),
    MetricFamily("process_cpu_seconds_total", .counter, "CPU time of the process, user and system."),
    MetricFamily("process_resident_memory_bytes", .gauge, "Memory that the process has in RAM."),
    MetricFamily("process_virtual_memory_bytes", .gauge, "Memory that the process has mapped."),
    MetricFamily("process_open_fds", .gauge, "Open file descriptors."),
    MetricFamily("process_max_fds", .gauge, "File descriptors that the process may have open."),
    MetricFamily("process_start_time_seconds", .gauge, "When the process was started, seconds since 1970."),
  ]
}
