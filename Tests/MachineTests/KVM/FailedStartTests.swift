import HostOS
import KVM
import Machine
import Testing

/// Machines that cannot be made.
@Suite struct FailedStartTests {
  @Test func `a machine that cannot be made leaves no thread and no descriptor`() async throws {
    // In a process of its own: other tests open and start things meanwhile.
    await #expect(processExitsWith: .success) {
      let files = try TemporaryFiles()
      var kernel = GuestKernel()
      kernel.code.spin()
      let path = try files.write(kernel.file(), to: "kernel")
      var requests = [MachineRequest](repeating: .native(kernel: path), count: 5)
      requests[0].kernelImage = "/nowhere"
      requests[1].initramfs = ["/nowhere"]
      requests[2].memoryBytes = 1
      requests[3].commandLine = [
        KernelArgument(String(repeating: "a", count: 100_000), because: "a test")
      ]
      requests[4].disk = DiskRequest(bytes: .max, serial: "test")
      var before = NativeEndTests.Leftovers()
      for round in 0..<4 {
        // The first round leaves what the process makes once.
        if round == 1 { before = try NativeEndTests.Leftovers.settled() }
        for request in requests {
          #expect(throws: MachineError.self) {
            _ = try KVMMachine(request, initramfsTail: [], telemetryPort: "ktstr")
          }
        }
      }
      #expect(try NativeEndTests.Leftovers.settled() == before)
    }
  }

  @Test func `each failure names what it is about`() throws {
    let files = try TemporaryFiles()
    func text(_ change: (inout MachineRequest) -> Void) throws -> String {
      var request = MachineRequest.native(kernel: files.path + "/kernel")
      change(&request)
      do {
        _ = try KVMMachine(request, initramfsTail: [], telemetryPort: "ktstr")
        return "started"
      } catch {
        return "\(error)"
      }
    }
    #expect(try text { _ in }.contains(files.path + "/kernel"))
    _ = try files.write(Array("no kernel at all, but long enough".utf8), to: "kernel")
    #expect(try text { _ in } != "started")
    #expect(try text { $0.memoryBytes = 4097 }.contains("4097 bytes"))
    _ = try files.write(GuestKernel().file(), to: "kernel")
    #expect(try text { $0.initramfs = ["/nowhere"] }.contains("/nowhere"))
    #expect(
      try text { $0.commandLine = [KernelArgument("a\nb", because: "a test")] }.contains("0xa"))
  }
}
