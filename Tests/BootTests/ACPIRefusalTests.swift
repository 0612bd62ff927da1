import Boot
import Testing
import Topology

@Suite struct ACPIRefusalTests {
  private let machine: ACPIMachine

  init() throws {
    machine = ACPIFixtures.machine(try CPUTopology("2n2l1c1t"), devices: 1)
  }

  /// The error that a changed machine is refused with.
  private func refusal(
    base: UInt64 = 0xe0000, _ change: (inout ACPIMachine) -> Void = { _ in }
  ) -> ACPIError? {
    var changed = machine
    change(&changed)
    do throws(ACPIError) {
      _ = try ACPITables.build(changed, base: base)
      return nil
    } catch {
      return error
    }
  }

  @Test func `tables lie where they can`() {
    #expect(refusal() == nil)
    #expect(refusal(base: 0xe0008) == .base(0xe0008))
    #expect(refusal(base: .max - 15) == .base(.max - 15))
    #expect(refusal(base: 0) == nil)
  }

  @Test(
    arguments: [(2, 0, 4096), (-1, 0, 4096), (0, 4096, 0), (0, .max, 1)] as [(Int, UInt64, UInt64)])
  func `memory that is none is refused`(node: Int, base: UInt64, length: UInt64) {
    #expect(
      refusal { $0.memory.append(.init(node: node, base: base, length: length)) }
        == .memoryRange(node: node, base: base, length: length))
  }

  @Test func `memory may touch but not overlap, in any order`() {
    #expect(refusal { $0.memory.reverse() } == nil)
    #expect(
      refusal { $0.memory.append(.init(node: 0, base: (2 << 28) - 1, length: 2)) }
        == .overlappingMemory(1 << 28, (2 << 28) - 1))
    #expect(
      refusal { $0.memory.insert(.init(node: 0, base: 0, length: 1), at: 0) }
        == .overlappingMemory(0, 0))
  }

  @Test func `a node without memory is refused`() {
    #expect(refusal { $0.memory.removeLast() } == .nodeWithoutMemory(1))
    #expect(refusal { $0.memory = [] } == .nodeWithoutMemory(0))
  }

  @Test func `devices need registers below 4 GiB and a pin of their own`() {
    #expect(
      refusal { $0.devices[0].length = 0 } == .deviceWindow(base: 0xc000_1000, length: 0))
    #expect(
      refusal { $0.devices[0].base = 0xffff_f001 }
        == .deviceWindow(base: 0xffff_f001, length: 0x1000))
    #expect(refusal { $0.devices[0].base = 0xffff_f000 } == nil)
    #expect(refusal { $0.devices[0].gsi = 24 } == .interrupt(24))
    #expect(refusal { $0.devices[0].gsi = 0 } == .interrupt(0))
    #expect(refusal { $0.serial?.gsi = .max } == .interrupt(.max))
    #expect(refusal { $0.devices[0].gsi = 4 } == .sharedInterrupt(4))
    #expect(
      refusal { machine in
        machine.serial = nil
        machine.devices[0].gsi = 4
      } == nil)
    #expect(
      refusal { $0.devices = Array(repeating: $0.devices[0], count: 4097) }
        == .tooManyDevices(4097, limit: 4096))
  }
}
