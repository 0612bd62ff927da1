import Machine
import Testing
import Topology

@Suite struct QEMUCommandTests {
  private func request(
    topology: CPUTopology = .flat(cpus: 2),
    memory: UInt64 = 512 << 20
  ) -> MachineRequest {
    MachineRequest(
      engine: .tcg, enginePath: "/usr/bin/qemu", threading: .multi, kernelImage: "/k/vmlinux",
      initramfs: ["/k/base"], commandLine: [.init("a=1", because: "x"), .init("b", because: "y")],
      topology: topology, memoryBytes: memory, disk: nil)
  }

  private func command(_ request: MachineRequest, disk: CInt? = nil) throws -> [String] {
    try QEMUCommand(
      request,
      descriptors: .init(initramfs: 10, console: 11, telemetry: 12, disk: disk),
      telemetryPort: "ktstr.telemetry"
    ).arguments
  }

  private func values(of option: String, in arguments: [String]) -> [String] {
    zip(arguments, arguments.dropFirst()).filter { $0.0 == option }.map(\.1)
  }

  @Test func `one node shares all of its memory`() throws {
    let arguments = try command(request())
    #expect(values(of: "-smp", in: arguments) == ["cpus=2,sockets=1,cores=2,threads=1"])
    #expect(values(of: "-m", in: arguments) == ["size=524288k"])
    #expect(values(of: "-machine", in: arguments) == ["q35,memory-backend=ram0"])
    #expect(
      values(of: "-object", in: arguments)
        == ["memory-backend-memfd,id=ram0,size=524288k,share=on"])
    #expect(values(of: "-append", in: arguments) == ["a=1 b"])
  }

  @Test func `the CPU is one whose threads every Linux sees, without CMPXCHG16B`() throws {
    #expect(values(of: "-cpu", in: try command(request())) == ["kvm64,-cx16"])
  }

  @Test(arguments: [
    (["vmx"], "kvm64,-cx16,+vmx"), (["cx16"], "kvm64,+cx16"),
    (["svm", "cx16"], "EPYC,-xsave,-avx,-avx2,-fma,-f16c,-vaes,-vpclmulqdq,+svm,+cx16"),
    (["svm", "avx"], "EPYC,-cx16,-xsave,-avx2,-fma,-f16c,-vaes,-vpclmulqdq,+svm,+avx"),
  ])
  func `features are added to the CPU, and SVM to one of AMD's without XSAVE`(
    features: [String], text: String
  ) throws {
    var request = request()
    request.cpuFeatures = features
    #expect(values(of: "-cpu", in: try command(request)) == [text])
  }

  @Test func `nodes split memory and sockets among them`() throws {
    let arguments = try command(
      request(
        topology: try CPUTopology("2n4l2c2t"),
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

  @Test func `uneven nodes get their sockets, their memory and their distances`() throws {
    let topology = try CPUTopology(
      nodes: [.init(llcs: 2), .init(llcs: 1, memoryBytes: 100 << 20), .init(llcs: 0)],
      coresPerLLC: 3, threadsPerCore: 1,
      distances: [[10, 21, 40], [21, 10, 30], [40, 30, 10]])
    let arguments = try command(request(topology: topology))
    #expect(values(of: "-smp", in: arguments) == ["cpus=9,sockets=3,cores=3,threads=1"])
    #expect(
      values(of: "-object", in: arguments) == [
        "memory-backend-memfd,id=ram0,size=210944k,share=on",
        "memory-backend-memfd,id=ram1,size=102400k,share=on",
        "memory-backend-memfd,id=ram2,size=210944k,share=on",
      ])
    #expect(
      values(of: "-numa", in: arguments) == [
        "node,nodeid=0,memdev=ram0", "node,nodeid=1,memdev=ram1", "node,nodeid=2,memdev=ram2",
        "cpu,node-id=0,socket-id=0", "cpu,node-id=0,socket-id=1", "cpu,node-id=1,socket-id=2",
        "dist,src=0,dst=1,val=21", "dist,src=0,dst=2,val=40", "dist,src=1,dst=2,val=30",
      ])
  }

  @Test func `nodes that cannot share the memory are an error, no trap`() throws {
    let topology = try CPUTopology(
      nodes: [.init(llcs: 1, memoryBytes: 1 << 40), .init(llcs: 1, memoryBytes: .max - 4095)],
      coresPerLLC: 1, threadsPerCore: 1)
    #expect(throws: CPUTopologyError.memoryShares(nil, total: 512 << 20)) {
      try command(request(topology: topology))
    }
  }

  @Test func `the scratch disk is served over vhost-user and by nothing else`() throws {
    let with = try command(request(), disk: 13)
    #expect(
      values(of: "-chardev", in: with) == [
        "socket,id=console,fd=11", "socket,id=telemetry,fd=12", "socket,id=disk,fd=13",
      ])
    #expect(with.contains { $0.hasPrefix("vhost-user-blk-pci,chardev=disk") })
    #expect(!with.contains("-drive") && !with.contains("-blockdev"))
    #expect(!(try command(request())).contains { $0.hasPrefix("vhost-user-blk") })
  }
}
