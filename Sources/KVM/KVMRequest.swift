import CLinux
import Glibc
import SystemPackage

/// An ioctl: its number and the name that errors call it by.
struct KVMRequest {
  let name: StaticString
  let number: UInt

  init(_ name: StaticString, _ number: UInt) {
    self.name = name
    self.number = number
  }

  /// Calls again this often when a signal comes between, which is more than any caller sends.
  private static let attempts = 1000

  /// Makes the call with a number for an argument.
  ///
  /// `EINTR` and `EAGAIN` are tried again: `KVM_CREATE_VM` gives the first when a signal meets it
  /// while it takes the locks of all mappings (`mm_take_all_locks`).
  ///
  /// - Throws: ``KVMError`` with the call's errno.
  @discardableResult
  func callAsFunction(
    _ descriptor: CInt, value: UInt = 0, apicID: UInt32? = nil, about argument: KVMArgument? = nil
  ) throws(KVMError) -> CInt {
    for _ in 1..<Self.attempts {
      let result = ktstr_ioctl_value(descriptor, number, value)
      if result >= 0 { return result }
      if result == -EINTR || result == -EAGAIN { continue }
      throw error(-result, apicID, argument)
    }
    throw error(EINTR, apicID, argument)
  }

  /// Makes the call with a structure for an argument, which the kernel reads, writes or both.
  ///
  /// - Throws: ``KVMError`` with the call's errno.
  @discardableResult
  func callAsFunction<Structure>(
    _ descriptor: CInt, _ structure: inout Structure, apicID: UInt32? = nil,
    about argument: KVMArgument? = nil
  ) throws(KVMError) -> CInt {
    for _ in 1..<Self.attempts {
      let result = unsafe withUnsafeMutablePointer(to: &structure) { structure in
        unsafe ktstr_ioctl_pointer(descriptor, number, structure)
      }
      if result >= 0 { return result }
      if result == -EINTR || result == -EAGAIN { continue }
      throw error(-result, apicID, argument)
    }
    throw error(EINTR, apicID, argument)
  }

  /// The error of this call.
  func error(_ code: CInt, _ apicID: UInt32?, _ argument: KVMArgument?) -> KVMError {
    KVMError("\(name)", apicID: apicID, about: argument, Errno(rawValue: code))
  }
}
