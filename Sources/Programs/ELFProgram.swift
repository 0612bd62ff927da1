import CElf
import Glibc
package import HostOS
import SystemPackage

/// What a loader must know of an ELF program or shared library, read with libelf.
package struct ELFProgram: Hashable, Sendable {
  /// `EM_X86_64` of elf.h.
  package static let x86 = UInt16(62)

  /// What a file turned out to be.
  package enum Reading: Hashable, Sendable {
    /// No ELF file.
    case none
    /// An ELF file that no loader starts, such as a kernel module.
    case other
    /// A program or shared library.
    case program(ELFProgram)
    /// A damaged one, and how.
    case damaged(String)
  }

  /// The machine that it is for, as in the ELF header.
  package var machine: UInt16
  /// 32 or 64.
  package var bits: Int
  /// The loader that it names; nil for a static program, and for most libraries.
  package var interpreter: String?
  /// The libraries that it needs: DT_NEEDED, in order.
  package var needed: [String]
  /// Directories of DT_RPATH, `$ORIGIN` and its like unexpanded.
  package var rpath: [String]
  /// Directories of DT_RUNPATH, likewise.
  package var runpath: [String]

  /// Whether guests can run it, or load it.
  package var isForGuests: Bool { machine == Self.x86 && bits == 64 }

  /// Reads a file.
  ///
  /// - Throws: ``SystemCallError`` when it cannot be read at all.
  package static func read(_ path: String) throws(SystemCallError) -> Reading {
    let file = try Files.open(path, O_RDONLY)
    guard let account = unsafe ktstr_elf_read(file.raw) else {
      throw SystemCallError("malloc", .noMemory, subject: path)
    }
    defer { unsafe ktstr_elf_free(account) }
    switch unsafe ktstr_elf_kind_of(account) {
    case KTSTR_ELF_OTHER: return .other
    case KTSTR_ELF_DAMAGED: return .damaged(unsafe String(cString: ktstr_elf_reason(account)))
    case KTSTR_ELF_LOADABLE:
      return .program(
        ELFProgram(
          machine: unsafe ktstr_elf_machine(account), bits: Int(unsafe ktstr_elf_bits(account)),
          interpreter: unsafe ktstr_elf_interpreter(account).map { unsafe String(cString: $0) },
          needed: unsafe texts(KTSTR_ELF_NEEDED, of: account),
          rpath: unsafe texts(KTSTR_ELF_RPATH, of: account).flatMap(directories),
          runpath: unsafe texts(KTSTR_ELF_RUNPATH, of: account).flatMap(directories)))
    default: return .none
    }
  }

  private static func texts(_ kind: ktstr_elf_text, of account: OpaquePointer) -> [String] {
    let count = unsafe ktstr_elf_count_of(account, kind)
    return (0..<count).map { unsafe String(cString: ktstr_elf_text_at(account, kind, $0)) }
  }

  private static func directories(_ list: String) -> [String] {
    list.split(separator: ":").map(String.init)
  }
}
