package import EventLoop
package enum TLSError: Error, Hashable, CustomStringConvertible { case timedOut, closed, truncated, system(SystemError), other
 package var description: String { "" } }
package final class TLSClientContext: Sendable { package init(caFile: String? = nil, applicationProtocols: [String] = []) throws(TLSError) {} }
package final class TLSServerContext: Sendable { package init(certificateFile: String, keyFile: String, applicationProtocols: [String] = []) throws(TLSError) {} }
package final class TLSChannel {
 package let channel: Channel
 package init(client channel: Channel, context: TLSClientContext, serverName: String, sessionKey: String) throws(TLSError) { self.channel = channel }
 package init(server channel: Channel, context: TLSServerContext) throws(TLSError) { self.channel = channel }
 package func handshake(timeout: Duration) async throws(TLSError) {}
 package func read(into: UnsafeMutableRawBufferPointer) throws(TLSError) -> IOResult { .wouldBlock }
 package func write(gathering: GatherList) throws(TLSError) -> IOResult { .wouldBlock }
 package func waitUntilReadable(for idle: Duration) async throws(TLSError) {}
 package func waitUntilWritable(for idle: Duration) async throws(TLSError) {}
 package func closeWriting() {}
 package func close() {}
}
