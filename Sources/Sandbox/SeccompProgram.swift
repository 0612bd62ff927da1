import CLinux
import Glibc
import HostOS
import SystemPackage

/// One instruction of a classic BPF program (linux/filter.h: `struct sock_filter`).
package struct SeccompInstruction: Hashable, Sendable {
  /// What it does.
  package let code: UInt16
  /// How many instructions to skip when its test holds.
  package let jumpTrue: UInt8
  /// How many to skip when it does not.
  package let jumpFalse: UInt8
  /// Its operand.
  package let operand: UInt32
}

/// A filter as the kernel takes it.
package struct SeccompProgram: Hashable, Sendable {
  /// The most instructions that the kernel takes (linux/bpf_common.h: `BPF_MAXINSNS`).
  package static let instructionLimit = 4096

  /// The instructions, from the first to be executed.
  package let instructions: [SeccompInstruction]

  init(_ instructions: [SeccompInstruction]) throws(SandboxError) {
    guard instructions.count <= Self.instructionLimit else {
      throw .filterTooLong(instructions: instructions.count)
    }
    self.instructions = instructions
  }

  /// Binds the calling thread, for the rest of its life, and every thread that it starts from now on.
  ///
  /// The thread must have given up new privileges, or be privileged (`EACCES`).
  ///
  /// - Parameter role: what a refused call's line says of the thread; 31 bytes are kept.
  /// - Throws: ``SandboxError/system(doing:_:)``: `EINVAL` where the kernel has no filters.
  package func bindCallingThread(as role: String) throws(SandboxError) {
    let code = instructions.map {
      sock_filter(code: $0.code, jt: $0.jumpTrue, jf: $0.jumpFalse, k: $0.operand)
    }
    do {
      try unsafe code.withUnsafeBufferPointer { buffer throws(SystemCallError) in
        guard let start = buffer.baseAddress else {
          throw SystemCallError("seccomp", .invalidArgument, subject: "an empty filter")
        }
        // The limit above fits the kernel's 16 bits.
        try systemCall("seccomp") {
          unsafe ktstr_filter_install(role, start, UInt16(buffer.count))
        }
      }
    } catch {
      throw .system(doing: "binding a thread to the filter of role '\(role)'", error)
    }
  }
}
