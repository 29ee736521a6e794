extension String {
  /// The lines of a file, the empty ones too, whichever of LF and CRLF ends them; the latter is one `Character`.
  package var lines: [Substring] { split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" } }
}
