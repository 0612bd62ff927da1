import Glibc
import HostOS
import Testing

@Suite(.serialized) struct SpawnLimitTests {
  @Test func `processes start under a low limit of open files`() throws {
    // For the time of one spawn: the limit is the whole process's, and other tests run in it.
    var limit = rlimit()
    try systemCall("getrlimit") { getrlimit(CInt(RLIMIT_NOFILE.rawValue), &limit) }
    var low = limit
    low.rlim_cur = 256
    try systemCall("setrlimit") { setrlimit(CInt(RLIMIT_NOFILE.rawValue), &low) }
    defer { setrlimit(CInt(RLIMIT_NOFILE.rawValue), &limit) }
    var request = ProcessRequest(path: "/bin/sh", arguments: ["-c", "exit 7"])
    request.descriptors = [.init(0, to: 13), .init(0, to: 1)]
    var child = try ChildProcess(spawning: request)
    #expect(
      try child.wait(until: .now().advanced(byNanoseconds: 10_000_000_000)) == .exited(7))
  }

  @Test func `a high target is mapped, and one beyond all numbers is refused`() throws {
    var pipe: [CInt] = [-1, -1]
    try systemCall("pipe") { Glibc.pipe(&pipe) }
    let reading = OwnedDescriptor(owning: pipe[0])
    let writing = OwnedDescriptor(owning: pipe[1])
    var request = ProcessRequest(
      path: "/bin/bash", arguments: ["-c", "echo here >&600"])
    request.descriptors = [.init(writing.raw, to: 600)]
    var child = try ChildProcess(spawning: request)
    #expect(
      try child.wait(until: .now().advanced(byNanoseconds: 10_000_000_000)) == .exited(0))
    #expect(try DescriptorIO.readSome(reading.raw, subject: "pipe") == Array("here\n".utf8))
    request.descriptors = [.init(writing.raw, to: .max)]
    #expect(throws: SystemCallError.self) { _ = try ChildProcess(spawning: request) }
  }
}
