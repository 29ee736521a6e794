/// Told of the calls of a client, on its loop.
package struct CallObserver {
  /// The status of an answer; nil when none came.
  package var answered: (Int?) -> Void = { _ in }
  /// A call is made again after a failure that another try may mend.
  package var retries: () -> Void = {}

  package init() {}
}
