import CLinux
import Glibc
import HostOS
import Sandbox
import Testing

/// The smallest machine there is, made of plain ioctls: the sandbox is tried, not the KVM module.
private struct TinyMachine {
  let vcpu: Int
  let run: UnsafeMutableRawPointer
  private let raw: RawSystemCall

  struct Unusable: Error, CustomStringConvertible {
    let request: UInt64
    let result: Int
    var description: String { "ioctl 0x\(String(request, radix: 16)): \(result)" }
  }

  private static func map(_ size: Int, _ flags: CInt, _ descriptor: Int) -> UnsafeMutableRawPointer?
  {
    let address = mmap(nil, size, PROT_READ | PROT_WRITE, flags, CInt(descriptor), 0)
    return address == MAP_FAILED ? nil : address
  }

  /// One page of memory at 0 with `code`, which the vCPU is about to execute in real mode.
  init(_ device: CInt, code: [UInt8]) throws {
    guard let raw = RawSystemCall(), let page = Self.map(4096, MAP_PRIVATE | MAP_ANONYMOUS, -1)
    else { throw Unusable(request: 0, result: 0) }
    func ioctl(_ descriptor: Int, _ request: UInt64, _ argument: UInt64 = 0) throws -> Int {
      let result = raw.make(ObservedCall(.ioctl, [UInt64(descriptor), request, argument]))
      guard result >= 0 else { throw Unusable(request: request, result: result) }
      return result
    }
    func ioctl<Value>(_ descriptor: Int, _ request: UInt64, _ value: inout Value) throws {
      try withUnsafeMutablePointer(to: &value) {
        _ = try ioctl(descriptor, request, UInt64(UInt(bitPattern: $0)))
      }
    }
    page.copyMemory(from: code, byteCount: code.count)
    // linux/kvm.h: KVM_CREATE_VM, KVM_SET_USER_MEMORY_REGION, KVM_CREATE_VCPU,
    // KVM_GET_VCPU_MMAP_SIZE, KVM_GET_SREGS, KVM_SET_SREGS, KVM_SET_REGS
    let machine = try ioctl(Int(device), 0xae01)
    var region = kvm_userspace_memory_region(
      slot: 0, flags: 0, guest_phys_addr: 0, memory_size: 4096,
      userspace_addr: UInt64(UInt(bitPattern: page)))
    try ioctl(machine, 0x4020_ae46, &region)
    vcpu = try ioctl(machine, 0xae41)
    guard let run = Self.map(try ioctl(Int(device), 0xae04), MAP_SHARED, vcpu) else {
      throw Unusable(request: 0xae04, result: 0)
    }
    var segments = kvm_sregs()
    try ioctl(vcpu, 0x8138_ae83, &segments)
    segments.cs.base = 0
    segments.cs.selector = 0
    try ioctl(vcpu, 0x4138_ae84, &segments)
    var registers = kvm_regs()
    registers.rflags = 2
    try ioctl(vcpu, 0x4090_ae82, &registers)
    self.run = run
    self.raw = raw
  }

  /// `KVM_RUN`; the reason of the exit, the ninth byte of the shared page on.
  func enter() -> (result: Int, reason: UInt32) {
    let result = raw.make(ObservedCall(.ioctl, [UInt64(vcpu), 0xae80]))
    return (result, run.load(fromByteOffset: 8, as: UInt32.self))
  }

  /// `KVM_GET_REGS`; the instruction pointer.
  func instructionPointer() -> UInt64 {
    var registers = kvm_regs()
    _ = withUnsafeMutablePointer(to: &registers) {
      raw.make(ObservedCall(.ioctl, [UInt64(vcpu), 0x8090_ae81, UInt64(UInt(bitPattern: $0))]))
    }
    return registers.rip
  }
}

@Suite struct GuestUnderFilterTests {
  private static let hasKVM = access("/dev/kvm", R_OK | W_OK) == 0

  @Test(.enabled(if: hasKVM, "/dev/kvm cannot be opened"))
  func `a guest runs with nothing but its role`() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        let device = try Files.open("/dev/kvm", O_RDWR)
        let sandbox = try Sandbox.enter(.forTests())
        // mov al, 1; out 0x80, al; hlt. A machine is made after the capabilities are gone.
        let machine = try TinyMachine(device.raw, code: [0xb0, 1, 0xe6, 0x80, 0xf4])
        try sandbox.bindCallingThread(to: .virtualCPU)
        let first = machine.enter()
        TestProcess.expect(first == (0, UInt32(KVM_EXIT_IO)), "\(first)")
        let second = machine.enter()
        TestProcess.expect(second == (0, UInt32(KVM_EXIT_HLT)), "\(second)")
        TestProcess.expect(machine.instructionPointer() == 5, "\(machine.instructionPointer())")
      }
    }
    #expect(result?.failure == nil)
  }

  @Test(.enabled(if: hasKVM, "/dev/kvm cannot be opened"))
  func `a vCPU's thread cannot make machines`() async throws {
    let status = CInt(Sandbox.refusedStatus)
    let result = await #expect(
      processExitsWith: .exitCode(status), observing: [\.standardErrorContent]
    ) {
      TestProcess.run {
        let device = try Files.open("/dev/kvm", O_RDWR)
        try Sandbox.enter(.forTests()).bindCallingThread(to: .virtualCPU)
        _ = try TinyMachine(device.raw, code: [0xf4])
      }
    }
    let words = try #require(result).words
    #expect(words.contains("may not call ioctl (16) with these arguments"), "\(words)")
  }
}
