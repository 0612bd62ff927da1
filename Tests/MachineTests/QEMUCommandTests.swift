import Machine
import Testing

@Suite struct QEMUCommandTests {
  private func request(
    topology: MachineTopology = .init(
      nodes: 1, lastLevelCaches: 1, coresPerCache: 2, threadsPerCore: 1),
    memory: UInt64 = 512 << 20
  ) -> MachineRequest {
    MachineRequest(
      engine: .tcg, enginePath: "/usr/bin/qemu", threading: .multi, kernelImage: "/k/vmlinux",
      initramfs: ["/k/base"], commandLine: [.init("a=1", because: "x"), .init("b", because: "y")],
      topology: topology, memoryBytes: memory, disk: nil)
  }

  private func command(_ request: MachineRequest, disk: CInt? = nil) -> [String] {
    QEMUCommand(
      request,
      descriptors: .init(initramfs: 10, console: 11, telemetry: 12, disk: disk),
      telemetryPort: "ktstr.telemetry"
    ).arguments
  }

  private func values(of option: String, in arguments: [String]) -> [String] {
    zip(arguments, arguments.dropFirst()).filter { $0.0 == option }.map(\.1)
  }

  @Test func `one node shares all of its memory`() {
    let arguments = command(request())
    #expect(values(of: "-smp", in: arguments) == ["cpus=2,sockets=1,cores=2,threads=1"])
    #expect(values(of: "-m", in: arguments) == ["size=524288k"])
    #expect(values(of: "-machine", in: arguments) == ["q35,memory-backend=ram0"])
    #expect(
      values(of: "-object", in: arguments)
        == ["memory-backend-memfd,id=ram0,size=524288k,share=on"])
    #expect(values(of: "-append", in: arguments) == ["a=1 b"])
  }

  @Test func `the CPU is one whose threads every Linux sees, without CMPXCHG16B`() {
    #expect(values(of: "-cpu", in: command(request())) == ["kvm64,-cx16"])
  }

  @Test(arguments: [
    (["vmx"], "kvm64,-cx16,+vmx"), (["cx16"], "kvm64,+cx16"),
    (["svm", "cx16"], "EPYC,+svm,+cx16"), (["svm"], "EPYC,-cx16,+svm"),
  ])
  func `features are added to the CPU, and SVM to one of AMD's`(features: [String], text: String) {
    var request = request()
    request.cpuFeatures = features
    #expect(values(of: "-cpu", in: command(request)) == [text])
  }

  @Test func `nodes split memory and sockets among them`() {
    let arguments = command(
      request(
        topology: .init(nodes: 2, lastLevelCaches: 4, coresPerCache: 2, threadsPerCore: 2),
        memory: 513 << 20))
    #expect(values(of: "-smp", in: arguments) == ["cpus=16,sockets=4,cores=2,threads=2"])
    #expect(
      values(of: "-object", in: arguments) == [
        "memory-backend-memfd,id=ram0,size=262144k,share=on",
        "memory-backend-memfd,id=ram1,size=263168k,share=on",
      ])
    #expect(
      values(of: "-numa", in: arguments) == [
        "node,nodeid=0,memdev=ram0", "node,nodeid=1,memdev=ram1",
        "cpu,node-id=0,socket-id=0", "cpu,node-id=0,socket-id=1",
        "cpu,node-id=1,socket-id=2", "cpu,node-id=1,socket-id=3",
      ])
  }

  @Test func `the scratch disk is served over vhost-user and by nothing else`() {
    let with = command(request(), disk: 13)
    #expect(
      values(of: "-chardev", in: with) == [
        "socket,id=console,fd=11", "socket,id=telemetry,fd=12", "socket,id=disk,fd=13",
      ])
    #expect(with.contains { $0.hasPrefix("vhost-user-blk-pci,chardev=disk") })
    #expect(!with.contains("-drive") && !with.contains("-blockdev"))
    #expect(!command(request()).contains { $0.hasPrefix("vhost-user-blk") })
  }
}
