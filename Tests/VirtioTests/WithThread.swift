import HostOS
import Testing

/// Runs one body on a thread of its own while another runs here, and waits for it; a test that it
/// outlives fails.
func withThread(
  _ name: String, _ other: @escaping @Sendable () -> Void, while body: () throws -> Void
) throws {
  var thread = try HostThread(name: name, other)
  defer {
    let ended = thread.join(until: .now().advanced(byNanoseconds: 30_000_000_000))
    #expect(ended, "thread \(name) did not end within 30 s")
  }
  try body()
}
