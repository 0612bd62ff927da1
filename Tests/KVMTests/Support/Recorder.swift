import HostOS
import KVM
import Synchronization
import Testing

/// What a guest on a thread of its own has said: the values it wrote to ports, and other exits.
final class Recorder: VCPUExitHandler {
  struct Write: Equatable, Sendable {
    var apicID: UInt32
    var port: UInt16
    var value: UInt32
  }

  struct Record: Sendable {
    var writes: [Write] = []
    var others: [VCPUExit] = []
    var failures: [KVMError] = []
    var registers: [GeneralRegisters] = []
    var details: [InternalErrorDetail] = []
  }

  private let record = Mutex(Record())
  private let changes = WaitableCounter()

  var current: Record { record.withLock { $0 } }

  /// Port writes and ended interrupts go on; everything else holds the vCPU.
  func handle(_ exit: VCPUExit, of vcpu: inout KVMVirtualCPU) -> VCPUDirective {
    defer { changes.advance() }
    if case .portWrite(let access) = exit {
      let write = Write(
        apicID: vcpu.apicID, port: access.port, value: vcpu.portItem(of: access))
      record.withLock { $0.writes.append(write) }
      return .resume
    }
    let registers = try? vcpu.registers()
    let detail = vcpu.internalErrorDetail()
    record.withLock {
      $0.others.append(exit)
      if let registers { $0.registers.append(registers) }
      $0.details.append(detail)
    }
    if case .endOfInterrupt = exit { return .resume }
    return .hold
  }

  func failed(_ error: KVMError, of vcpu: inout KVMVirtualCPU) {
    record.withLock { $0.failures.append(error) }
    changes.advance()
  }

  /// Waits until the record has what is wanted; fails the test after some seconds.
  func wait(
    seconds: UInt64 = 20, for what: String, _ holds: (Record) -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let deadline = MonotonicTime.now().advanced(byNanoseconds: seconds * 1_000_000_000)
    while true {
      let seen = changes.value
      if holds(current) { return }
      guard changes.wait(past: seen, until: deadline) else {
        Issue.record("no \(what) within \(seconds) s; \(current)", sourceLocation: sourceLocation)
        return
      }
    }
  }
}

/// The guest's memory, kept by what runs it.
final class Keeper: Sendable {
  let memory: Mapping

  init(_ memory: consuming Mapping) {
    self.memory = memory
  }

  /// A word of the guest's memory, as it is now.
  func word(at address: UInt64) -> UInt32 {
    memory.unsafeBase.advanced(by: Int(address)).assumingMemoryBound(to: Atomic<UInt32>.self)
      .pointee.load(ordering: .acquiring)
  }
}

extension Guest {
  /// Puts the guest's vCPU on a thread, parked.
  consuming func onThread(
    _ handler: any VCPUExitHandler
  ) throws -> (group: VCPUGroup, memory: Keeper) {
    try onThreads(handler, others: [])
  }

  /// Puts the guest's vCPU on a thread, its memory into the keeping of something else.
  consuming func onThread(
    _ handler: any VCPUExitHandler,
    keeping keep: (consuming Mapping) -> any AnyObject & Sendable
  ) throws -> VCPUGroup {
    let keeper = keep(memory)
    let thread = try VCPUThread(vcpu, name: "vcpu 0", handler: handler)
    return VCPUGroup(machine, [thread], memory: keeper)
  }

  /// Puts the guest's vCPU on a thread, and others with these APIC ids, as the kernel makes them.
  consuming func onThreads(
    _ handler: any VCPUExitHandler, others: [UInt32],
    _ prepare: (borrowing KVMVirtualCPU) throws -> Void = { _ in }
  ) throws -> (group: VCPUGroup, memory: Keeper) {
    let keeper = Keeper(memory)
    var threads = [try VCPUThread(vcpu, name: "vcpu 0", handler: handler)]
    for id in others {
      let other = try machine.makeVCPU(apicID: id)
      try prepare(other)
      threads.append(try VCPUThread(other, name: "vcpu \(id)", handler: handler))
    }
    return (VCPUGroup(machine, threads, memory: keeper), keeper)
  }
}
