package import HostOS

/// Why a host's program or file cannot go into a guest; each reads as one line.
package enum ProgramError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No program of this name is in `PATH`, or no file at this path.
  case notFound(String)
  /// A file that may not be executed.
  case notExecutable(String)
  /// Neither an ELF program nor a script.
  case notAProgram(String)
  /// An ELF program of another machine.
  case otherMachine(path: String, machine: UInt16, bits: Int)
  /// A damaged ELF file.
  case damaged(path: String, reason: String)
  /// A library or loader that is nowhere.
  case missingLibrary(name: String, neededBy: String, searched: [String])
  /// The interpreter of a script is not there, or none is named.
  case missingInterpreter(script: String, interpreter: String)
  /// Scripts whose interpreters are scripts, too deep for the kernel.
  case interpretersTooDeep(String)
  /// A path that the guest mounts over, or that is ours.
  case reservedPath(String)
  /// Two things of the host for one place in the guest.
  case conflict(guestPath: String, first: String, second: String)
  /// A file stands where a directory is needed.
  case notADirectory(guestPath: String)
  /// Symbolic links that lead to each other.
  case tooManyLinks(String)
  /// A device, socket or pipe.
  case specialFile(String)
  /// More than a guest's archive may hold.
  case tooLarge(limitBytes: UInt64, at: String)
  /// More files than a guest's archive may hold.
  case tooMany(limit: Int, at: String)
  /// The name cannot be in an archive.
  case badName(String)
  /// A file's size changed while it was put into the archive.
  case changed(String)
  /// The host failed.
  case system(SystemCallError)

  package var description: String {
    switch self {
    case .notFound(let name):
      name.utf8.contains(UInt8(ascii: "/"))
        ? "\(name): no such file" : "\(name): no such program in PATH"
    case .notExecutable(let path): "\(path): not an executable file"
    case .notAProgram(let path): "\(path) is neither an ELF program nor a script with #!"
    case .otherMachine(let path, let machine, let bits):
      "\(path) is a \(bits)-bit program for another machine (ELF machine \(machine)); "
        + "guests are x86-64"
    case .damaged(let path, let reason): "\(path) is a damaged ELF file: \(reason)"
    case .missingLibrary(let name, let user, let searched):
      "\(name), which \(user) needs, was not found"
        + (searched.isEmpty ? "" : " in \(searched.joined(separator: ", "))")
    case .missingInterpreter(let script, let interpreter):
      interpreter.isEmpty
        ? "\(script) names no interpreter behind #!"
        : "\(interpreter), the interpreter of \(script), is not there"
    case .interpretersTooDeep(let path): "\(path): scripts whose interpreters are scripts, too deep"
    case .reservedPath(let path):
      "\(path) cannot be in a guest: it has a /proc, /sys, /dev, /init and /ktstr of its own"
    case .conflict(let path, let first, let second):
      "\(path) in the guest would be both \(first) and \(second)"
    case .notADirectory(let path): "\(path) in the guest is no directory, but something is below it"
    case .tooManyLinks(let path): "\(path): too many symbolic links"
    case .specialFile(let path):
      "\(path) is a device, socket or pipe; only files, directories and links can be included"
    case .tooLarge(let limit, let path):
      "\(path): more than \(limit >> 20) MiB of files in all is too much for a guest's archive"
    case .tooMany(let limit, let path):
      "\(path): more than \(limit) files in all are too many for a guest's archive"
    case .badName(let name): "'\(name)' cannot be a name in a guest's archive"
    case .changed(let path): "\(path) changed while it was put into the guest's archive"
    case .system(let error): error.description
    }
  }

  /// Whether it says only that a program will not run, which may not matter for an included one.
  var isShortcoming: Bool {
    switch self {
    case .missingLibrary, .missingInterpreter, .damaged, .interpretersTooDeep: true
    default: false
    }
  }
}
