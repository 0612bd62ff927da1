import HostOS
import Sandbox
import SystemPackage
import Testing

@Suite struct CompilerTests {
  private let socket = SeccompRule(.socket, reason: "test")

  @Test func `what is listed is allowed and everything else refused`() throws {
    let program = try SeccompFilter([socket], otherwise: .killProcess).compile()
    #expect(try program.verdict(on: ObservedCall(.socket)) == SeccompAction.allow.verdict())
    for number in [0, 40, 42, 500, 0x3fff_ffff] as [UInt32] {
      #expect(
        try program.verdict(on: ObservedCall(number)) == SeccompAction.killProcess.verdict())
    }
  }

  @Test func `verdicts are the kernel's`() {
    // linux/seccomp.h
    #expect(SeccompAction.allow.verdict() == 0x7fff_0000)
    #expect(SeccompAction.fail(.noSuchProcess).verdict() == 0x0005_0003)
    #expect(SeccompAction.trap.verdict(data: 1) == 0x0003_0001)
    #expect(SeccompAction.killProcess.verdict() == 0x8000_0000)
  }

  @Test(arguments: [SeccompAction.trap, .allow, .fail(.notPermitted)])
  func `other tables of system calls are refused`(otherwise: SeccompAction) throws {
    let program = try SeccompFilter([socket], otherwise: otherwise).compile()
    let refused = SeccompAction.trap.verdict()
    // 32-bit x86, ARM, and the table of x32, which has the architecture of x86-64.
    for architecture in [0x4000_0003, 0xc000_00b7, 0] as [UInt32] {
      let call = ObservedCall(SystemCallNumber.socket.rawValue, architecture: architecture)
      #expect(try program.verdict(on: call) == refused)
    }
    let x32 = ObservedCall(0x4000_0000 | SystemCallNumber.socket.rawValue)
    #expect(try program.verdict(on: x32) == refused)
    #expect(try program.verdict(on: ObservedCall(.max)) == refused)
  }

  @Test func `a filter of no rules refuses all`() throws {
    let program = try SeccompFilter([]).compile()
    for number in 0..<500 as Range<UInt32> {
      #expect(try program.verdict(on: ObservedCall(number)) == SeccompAction.trap.verdict())
    }
  }

  @Test func `the first rule that holds counts`() throws {
    let program = try SeccompFilter([
      SeccompRule(.kill, .argument(.first, in: [1]), do: .fail(.notPermitted), reason: "test"),
      SeccompRule(.kill, .argument(.second, in: [9]), reason: "test"),
      SeccompRule(.kill, do: .fail(.invalidArgument), reason: "test"),
    ]).compile()
    func verdict(_ first: UInt64, _ second: UInt64) throws -> UInt32 {
      try program.verdict(on: ObservedCall(.kill, [first, second]))
    }
    #expect(try verdict(1, 9) == SeccompAction.fail(.notPermitted).verdict())
    #expect(try verdict(2, 9) == SeccompAction.allow.verdict())
    #expect(try verdict(2, 8) == SeccompAction.fail(.invalidArgument).verdict())
  }

  @Test func `a refusal for its arguments says so`() throws {
    let program = try SeccompFilter([
      SeccompRule(.ioctl, .argument(.second, in: [7]), reason: "test")
    ]).compile()
    let other = ObservedCall(.ioctl, [0, 8])
    #expect(try program.verdict(on: other) == SeccompAction.trap.verdict(data: 1))
    #expect(try program.verdict(on: ObservedCall(.kill)) == SeccompAction.trap.verdict(data: 0))
  }

  @Test func `the upper half counts only where a mask has it`() throws {
    let program = try SeccompFilter([
      SeccompRule(.ioctl, .argument(.second, in: [7]), reason: "an int"),
      SeccompRule(.mmap, .argument(.first, bits: .max, are: 7), reason: "a pointer"),
    ]).compile()
    let value: UInt64 = 7 | 1 << 32
    #expect(
      try program.verdict(on: ObservedCall(.ioctl, [0, value])) == SeccompAction.allow.verdict())
    #expect(
      try program.verdict(on: ObservedCall(.mmap, [value])) == SeccompAction.trap.verdict(data: 1))
    #expect(try program.verdict(on: ObservedCall(.mmap, [7])) == SeccompAction.allow.verdict())
  }

  @Test(arguments: [253, 254, 255, 256, 257, 600, 3000])
  func `values beyond the reach of a conditional jump are found`(count: Int) throws {
    let values = (0..<UInt64(count)).map { $0 * 3 }
    let filter = SeccompFilter([
      SeccompRule(.ioctl, .argument(.second, in: values), reason: "test"),
      SeccompRule(.kill, reason: "test"), SeccompRule(.read, reason: "test"),
    ])
    let program = try filter.compile()
    for value in stride(from: 0, through: UInt64(count * 3 + 1), by: count / 200) {
      let call = ObservedCall(.ioctl, [1, value])
      try #require(try program.verdict(on: call) == filter.verdict(on: call), "\(call)")
    }
    for call in [SystemCallNumber.kill, .read, .write] {
      let call = ObservedCall(call)
      #expect(try program.verdict(on: call) == filter.verdict(on: call))
    }
  }

  @Test func `a program that the kernel would not take is an error`() {
    let values = (0..<5000).map { UInt64($0) }
    let filter = SeccompFilter([
      SeccompRule(.ioctl, .argument(.second, in: values), reason: "test")
    ])
    do throws(SandboxError) {
      _ = try filter.compile()
      Issue.record("compiled")
    } catch {
      guard case .filterTooLong(let count) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(count > 5000)
    }
  }

  @Test func `compiling twice makes the same program`() throws {
    let filter = ThreadRole.main.filter(processID: 7)
    #expect(try filter.compile() == filter.compile())
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func `a program says what its rules say`(seed: UInt64) throws {
    var random = RandomFilters(random: SplitMix64(seed: seed))
    let filter = random.filter(
      rules: Int.random(in: 0...80, using: &random.random), otherwise: .trap)
    let program = try filter.compile()
    for _ in 0..<100 {
      for call in [random.call(), random.call(near: filter)] {
        try #require(try program.verdict(on: call) == filter.verdict(on: call), "\(call)")
      }
    }
  }
}
