import CLinux
import Glibc
import HostOS
import Synchronization
import SystemPackage

/// The memory that a vCPU shares with the kernel: `struct kvm_run`, then port data.
///
/// All but `immediate_exit` belongs to the thread that runs the vCPU: the kernel writes it inside
/// `KVM_RUN` only. That byte is set by other threads, so it is only touched atomically.
@safe
struct RunPage: ~Copyable, @unchecked Sendable {
  private let mapping: Mapping

  /// Maps the page of a vCPU; `size` is at least that of the structure, which the device checked.
  init(of descriptor: CInt, apicID: UInt32, size: Int) throws(KVMError) {
    do throws(SystemCallError) {
      mapping = try Mapping(sharing: descriptor, offset: 0, count: size)
    } catch {
      throw KVMError("mmap of struct kvm_run", apicID: apicID, about: .bytes(size), error.errno)
    }
  }

  /// The address of `immediate_exit`.
  var kickAddress: UInt {
    unsafe UInt(bitPattern: mapping.unsafeBase) + UInt(KTSTR_RUN_IMMEDIATE_EXIT)
  }

  /// Reads a field of the structure; the offsets come from the kernel's header.
  private func load<Value: BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value {
    unsafe mapping.unsafeBase.loadUnaligned(fromByteOffset: offset, as: type)
  }

  /// What the last exit was, with reads answered by all ones for now.
  ///
  /// - Throws: ``KVMArgument`` of a kernel that says something impossible.
  mutating func decode() throws(BadExit) -> VCPUExit {
    let reason = load(KTSTR_RUN_EXIT_REASON, as: UInt32.self)
    switch CInt(truncatingIfNeeded: reason) {
    case KVM_EXIT_IO: return try decodePort()
    case KVM_EXIT_MMIO: return try decodeMMIO()
    case KVM_EXIT_HLT: return .halted
    case KVM_EXIT_SHUTDOWN: return .shutdown
    case KVM_EXIT_INTR: return .interrupted
    case KVM_EXIT_FAIL_ENTRY:
      return .failedEntry(reason: load(KTSTR_RUN_FAIL_ENTRY_REASON, as: UInt64.self))
    case KVM_EXIT_INTERNAL_ERROR:
      return .internalError(suberror: load(KTSTR_RUN_INTERNAL_SUBERROR, as: UInt32.self))
    case KVM_EXIT_SYSTEM_EVENT:
      return .systemEvent(SystemEvent(load(KTSTR_RUN_EVENT_TYPE, as: UInt32.self)))
    case KVM_EXIT_IOAPIC_EOI:
      return .endOfInterrupt(vector: load(KTSTR_RUN_EOI_VECTOR, as: UInt8.self))
    default: return .unknown(reason: reason)
    }
  }

  private mutating func decodePort() throws(BadExit) -> VCPUExit {
    let size = Int(load(KTSTR_RUN_IO_SIZE, as: UInt8.self))
    let count = Int(load(KTSTR_RUN_IO_COUNT, as: UInt32.self))
    let offset = load(KTSTR_RUN_IO_DATA_OFFSET, as: UInt64.self)
    // 255 * (2^32 - 1) fits an Int; the end is checked without a sum that could overflow.
    guard let start = Int(exactly: offset), start <= mapping.count,
      size * count <= mapping.count - start
    else {
      throw BadExit(
        argument: .portData(offset: offset, bytes: UInt64(size * count), mapped: mapping.count))
    }
    let access = PortAccess(
      port: load(KTSTR_RUN_IO_PORT, as: UInt16.self), size: size, count: count, offset: start)
    if load(KTSTR_RUN_IO_DIRECTION, as: UInt8.self) == UInt8(KVM_EXIT_IO_OUT) {
      return .portWrite(access)
    }
    unsafe memset(mapping.unsafeBase + start, 0xff, access.byteCount)
    return .portRead(access)
  }

  private mutating func decodeMMIO() throws(BadExit) -> VCPUExit {
    let length = Int(load(KTSTR_RUN_MMIO_LENGTH, as: UInt32.self))
    guard (1...8).contains(length) else { throw BadExit(argument: .bytes(length)) }
    let access = MMIOAccess(
      address: load(KTSTR_RUN_MMIO_ADDRESS, as: UInt64.self), length: length)
    if load(KTSTR_RUN_MMIO_IS_WRITE, as: UInt8.self) != 0 {
      let value = load(KTSTR_RUN_MMIO_DATA, as: UInt64.self)
      return .mmioWrite(access, value: value & (.max >> (64 - 8 * UInt64(length))))
    }
    answer(.max)
    return .mmioRead(access)
  }

  /// Answers a read of an address.
  mutating func answer(_ value: UInt64) {
    store(value, KTSTR_RUN_MMIO_DATA)
  }

  /// The items of a port access.
  ///
  /// An access of an earlier exit, or of another vCPU, gives bytes without a meaning but never any
  /// outside: all run pages are of one size.
  @_lifetime(&self)
  mutating func portData(of access: PortAccess) -> MutableRawSpan {
    let start = unsafe mapping.unsafeBase + access.offset
    let span = unsafe MutableRawSpan(_unsafeStart: start, byteCount: access.byteCount)
    return unsafe _overrideLifetime(span, mutating: &self)
  }

  /// One item of a port access, zero beyond its last.
  func item(of access: PortAccess, at index: Int) -> UInt32 {
    guard (0..<access.count).contains(index) else { return 0 }
    let offset = access.offset + index * access.size
    return switch access.size {
    case 1: UInt32(load(offset, as: UInt8.self))
    case 2: UInt32(load(offset, as: UInt16.self))
    case 4: load(offset, as: UInt32.self)
    default: 0
    }
  }

  /// Writes one item of a port access; nothing beyond its last.
  mutating func setItem(of access: PortAccess, at index: Int, _ value: UInt32) {
    guard (0..<access.count).contains(index) else { return }
    let offset = access.offset + index * access.size
    switch access.size {
    case 1: store(UInt8(truncatingIfNeeded: value), offset)
    case 2: store(UInt16(truncatingIfNeeded: value), offset)
    case 4: store(value, offset)
    default: break
    }
  }

  private mutating func store(_ value: some BitwiseCopyable, _ offset: Int) {
    unsafe mapping.unsafeBase.storeBytes(of: value, toByteOffset: offset, as: type(of: value))
  }

  /// The words that come with an internal error.
  func internalErrorData() -> [UInt64] {
    let count = min(Int(load(KTSTR_RUN_INTERNAL_COUNT, as: UInt32.self)), 16)
    return (0..<count).map { load(KTSTR_RUN_INTERNAL_DATA + 8 * $0, as: UInt64.self) }
  }

  /// The instruction that KVM could not emulate, where it says so.
  func refusedInstruction() -> [UInt8] {
    let flags = load(KTSTR_RUN_EMULATION_FLAGS, as: UInt64.self)
    guard load(KTSTR_RUN_INTERNAL_COUNT, as: UInt32.self) >= 1, flags & 1 != 0 else { return [] }
    let count = min(Int(load(KTSTR_RUN_EMULATION_SIZE, as: UInt8.self)), 15)
    return (0..<count).map { load(KTSTR_RUN_EMULATION_BYTES + $0, as: UInt8.self) }
  }
}

/// An exit that a kernel cannot mean.
struct BadExit: Error {
  let argument: KVMArgument
}

extension SystemEvent {
  fileprivate init(_ number: UInt32) {
    switch CInt(truncatingIfNeeded: number) {
    case KVM_SYSTEM_EVENT_SHUTDOWN: self = .shutdown
    case KVM_SYSTEM_EVENT_RESET: self = .reset
    case KVM_SYSTEM_EVENT_CRASH: self = .crash
    default: self = .other(number)
    }
  }
}
