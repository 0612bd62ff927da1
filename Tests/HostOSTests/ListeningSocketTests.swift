import Glibc
import HostOS
import SystemPackage
import Testing

@Suite struct ListeningSocketTests {
  private final class Directory {
    let path: String

    init() throws {
      var template = Array("/tmp/ktstr-listen-XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? Files.removeTree(path) }
  }

  private func refusal(_ path: String) -> ListeningSocketError? {
    do throws(ListeningSocketError) {
      _ = try ListeningSocket(path: path, patienceNanoseconds: 20_000_000)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a connection comes through, and the path goes with the socket`() throws {
    let directory = try Directory()
    let path = directory.path + "/s"
    do {
      let socket = try ListeningSocket(path: path)
      let early = try UnixSocket.accept(on: socket.raw)?.raw
      #expect(early == nil)
      let client = try UnixSocket.connect(to: path)
      guard let server = try UnixSocket.accept(on: socket.raw) else {
        Issue.record("nobody came")
        return
      }
      #expect(try UnixSocket.send([UInt8(7)].span.bytes, over: client.raw) == 1)
      #expect(try Poll.wait(readable: server.raw, timeoutNanoseconds: 1_000_000_000))
    }
    #expect(try Files.status(of: path) == nil)
  }

  @Test func `a socket that somebody listens on is left alone`() throws {
    let directory = try Directory()
    let path = directory.path + "/s"
    let first = try ListeningSocket(path: path)
    #expect(refusal(path) == .inUse(path: path))
    _ = try UnixSocket.connect(to: path)
    _ = first.raw
  }

  @Test func `a socket that nobody listens on is replaced`() throws {
    let directory = try Directory()
    let path = directory.path + "/s"
    // What a killed process leaves behind: another name for its socket survives the first.
    do {
      let dead = try ListeningSocket(path: directory.path + "/dead")
      try #require(link(directory.path + "/dead", path) == 0)
      _ = dead.raw
    }
    #expect(try Files.status(of: path) != nil)
    let socket = try ListeningSocket(path: path)
    _ = try UnixSocket.connect(to: path)
    _ = socket.raw
  }

  @Test func `what is no socket is left alone`() throws {
    let directory = try Directory()
    let path = directory.path + "/file"
    try Files.write([1, 2, 3], to: path)
    #expect(refusal(path) == .notASocket(path: path))
    #expect(try Files.read(path, limit: 10) == [1, 2, 3])
    #expect(refusal(directory.path) == .notASocket(path: directory.path))
  }

  @Test func `a path of 107 bytes fits, one of 108 does not`() throws {
    let directory = try Directory()
    let room = 107 - directory.path.utf8.count - 1
    let fits = directory.path + "/" + String(repeating: "x", count: room)
    #expect(refusal(fits) == nil)
    #expect(refusal(fits + "x") == .pathTooLong(path: fits + "x", byteCount: 108))
    #expect(throws: SystemCallError.self) { _ = try UnixSocket.connect(to: fits + "x") }
  }

  @Test func `a missing directory is an error, a locked one is waited for`() throws {
    let directory = try Directory()
    guard case .system(let error) = refusal(directory.path + "/none/s") else {
      Issue.record("no error")
      return
    }
    #expect(error.errno == .noSuchFileOrDirectory)
    let lock = try Files.open(directory.path, O_RDONLY | O_DIRECTORY)
    try #require(flock(lock.raw, LOCK_EX) == 0)
    #expect(refusal(directory.path + "/s") == .directoryBusy(path: directory.path))
    flock(lock.raw, LOCK_UN)
    #expect(refusal(directory.path + "/s") == nil)
  }

  @Test func `a successor's socket is not removed`() throws {
    let directory = try Directory()
    let path = directory.path + "/s"
    var first: ListeningSocket? = try ListeningSocket(path: path)
    _ = first?.raw
    try #require(unlink(path) == 0)
    let second = try ListeningSocket(path: path)
    first = nil
    _ = try UnixSocket.connect(to: path)
    _ = second.raw
  }
}
