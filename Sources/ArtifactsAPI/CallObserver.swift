/// Told of the calls of a client, on its loop.
package struct CallObserver {
  /// Asked before each try of a call, and may make it wait; what it throws is the call's end.
  package var admits: () async throws(ArtifactsError) -> Void = {}
  /// The status of an answer, nil when none came, and how long the service asked to be left alone.
  package var answered: (Int?, Duration?) -> Void = { _, _ in }
  /// A call is made again after a failure that another try may mend.
  package var retries: () -> Void = {}

  package init() {}
}
