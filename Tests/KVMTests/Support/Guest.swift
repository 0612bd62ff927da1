import HostOS
import KVM
import Testing

/// A machine with one vCPU and one MiB of memory at 0, about to execute some code.
struct Guest: ~Copyable {
  /// Where the code stands.
  static let entry: UInt64 = 0x1000
  /// Bytes of memory.
  static let memorySize = 1 << 20

  let machine: KVMVirtualMachine
  let memory: Mapping
  var vcpu: KVMVirtualCPU

  /// What of the interrupt controllers is in the kernel.
  enum Controllers {
    /// Nothing: `HLT` exits.
    case none
    /// PIC, IOAPIC and local APIC.
    case full
    /// The local APIC.
    case split
  }

  /// Makes a guest.
  init(_ code: Assembly, _ controllers: Controllers = .none) throws {
    let machine = try KVMDevice().makeVirtualMachine()
    switch controllers {
    case .none: break
    case .full: try machine.createInterruptControllers()
    case .split: try machine.createSplitInterruptControllers()
    }
    let memory = try Mapping(anonymous: Self.memorySize)
    try machine.setMemory(
      slot: 0, guestAddress: 0,
      memory: UnsafeMutableRawBufferPointer(start: memory.unsafeBase, count: memory.count))
    let vcpu = try machine.makeVCPU(apicID: 0)
    try vcpu.enter(code.mode, at: Self.entry)
    self.init(machine: machine, memory: memory, vcpu: vcpu)
    write(code.bytes, at: Self.entry)
    if code.mode == .long64 { writePageTables() }
  }

  private init(
    machine: consuming KVMVirtualMachine, memory: consuming Mapping,
    vcpu: consuming KVMVirtualCPU
  ) {
    self.machine = machine
    self.memory = memory
    self.vcpu = vcpu
  }

  /// Puts bytes into the guest's memory.
  func write(_ bytes: [UInt8], at address: UInt64) {
    let target = UnsafeMutableRawBufferPointer(start: memory.unsafeBase, count: memory.count)
    target[Int(address)..<(Int(address) + bytes.count)].copyBytes(from: bytes)
  }

  /// Bytes of the guest's memory.
  func read(_ count: Int, at address: UInt64) -> [UInt8] {
    let source = UnsafeRawBufferPointer(start: memory.unsafeBase, count: memory.count)
    return Array(source[Int(address)..<(Int(address) + count)])
  }

  /// Maps the first 4 GiB to themselves, in pages of 2 MiB: PML4 at 0x9000, then PDPT and four PDs.
  private func writePageTables() {
    func entry(_ table: UInt64, _ index: UInt64, _ value: UInt64) {
      memory.unsafeBase.storeBytes(
        of: value, toByteOffset: Int(table + 8 * index), as: UInt64.self)
    }
    entry(0x9000, 0, 0xa000 | 3)
    for gigabyte in 0..<4 as Range<UInt64> {
      let directory = 0xb000 + 0x1000 * gigabyte
      entry(0xa000, gigabyte, directory | 3)
      for index in 0..<512 as Range<UInt64> {
        entry(directory, index, (gigabyte << 30 | index << 21) | 0x83)
      }
    }
  }

  /// Runs until the guest halts; every other exit is handed on, and counted against a bound.
  mutating func runUntilHalt(
    limit: Int = 10_000,
    _ handle: (VCPUExit, inout KVMVirtualCPU) throws -> Void = { exit, _ in
      throw Unexpected(exit: exit)
    }
  ) throws {
    let watchdog = try Watchdog(vcpu.kicker)
    defer { watchdog.stop() }
    for _ in 0..<limit {
      let exit = try vcpu.run()
      if exit == .interrupted && watchdog.hasBitten { throw Unexpected(exit: exit) }
      if exit == .halted { return }
      try handle(exit, &vcpu)
    }
    throw Unexpected(exit: nil)
  }
}

/// An exit that a test did not want, or nil when there were too many.
struct Unexpected: Error {
  let exit: VCPUExit?
}

extension KVMVirtualCPU {
  /// Puts it into a mode with flat segments, about to execute at an address.
  ///
  /// - Parameter cpuid: with CPUID set first, which is possible before its first run only.
  func enter(_ mode: GuestMode, at address: UInt64, cpuid: Bool = true) throws {
    if cpuid { try setCPUID(try KVMDevice().supportedCPUID()) }
    var special = try specialRegisters()
    // Real mode too gets segments of 4 GiB, so that it reaches all addresses ("unreal mode").
    var data = Segment()
    data.limit = .max
    data.isGranular = true
    data.type = 3
    data.isPresent = true
    data.isCodeOrData = true
    if mode != .real16 {
      data.selector = 0x10
      data.is32Bit = true
      special.cr0 |= 1
    }
    var code = data
    code.type = 11
    code.selector = mode == .real16 ? 0 : 8
    if mode == .long64 {
      code.is32Bit = false
      code.is64Bit = true
      special.cr0 |= 1 << 31
      special.cr3 = 0x9000
      special.cr4 |= 1 << 5
      special.efer |= 0x500
    }
    special.cs = code
    special.ds = data
    special.es = data
    special.ss = data
    try setSpecialRegisters(special)
    var general = GeneralRegisters()
    general.rip = address
    general.rsp = 0x8000
    try setRegisters(general)
  }
}
