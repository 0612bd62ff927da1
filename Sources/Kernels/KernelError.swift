/// Why a kernel could not be found, fetched, imported or packed; each reads as one line.
package enum KernelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Nothing in the store answers to this, and it is no path to an image.
  case notFound(request: String, known: [String])
  /// There is no kernel at all, neither in the store nor of the running host.
  case noKernel
  /// A file was to be a kernel image.
  case notAnImage(path: String, reason: String)
  /// The image unpacked to something else than its header says.
  case badPayload(path: String, reason: String)
  /// No version text could be found in an image.
  case noRelease(path: String)
  /// A directory was to hold a kernel's modules.
  case noModules(path: String, release: String)
  /// A module that was asked for is neither a file of this kernel nor built into it.
  case missingModule(kernel: String, module: String, neededBy: String?)
  /// A module that this kernel has as a file only, and whose file nobody brought.
  case modulesNotHere(kernel: String, module: String)
  /// There is neither a cache directory nor a home in which to make one.
  case noCacheDirectory
  /// A module's file, or the list of them, cannot be used.
  case badModule(kernel: String, path: String, reason: String)
  /// What the store holds of a kernel is not what was put there.
  case damaged(id: String, reason: String)
  /// A suite's or version's name holds what such names never hold.
  case badName(what: String, value: String)
  /// apt's configuration names no archive of the host's own distribution.
  case noAptSource(codename: String, searched: [String])
  /// `/etc/os-release` does not say which suite the host is of.
  case noHostSuite
  /// The suite has no cloud-flavour kernel, or none of that version.
  case noPackage(suite: String, version: String?, known: [String])
  /// The suite has kept only some of a kernel's packages.
  case incompletePackages(suite: String, release: String, missing: [String], known: [String])
  /// A package held no kernel image.
  case emptyPackages(names: [String])
  /// A step did not work; `reason` is its one line.
  case step(String, reason: String)

  package var description: String {
    switch self {
    case .notFound(let request, let known):
      return "no kernel '\(request)' in the store"
        + (known.isEmpty ? "" : " (it has \(known.joined(separator: ", ")))")
        + "; `ktstr kernel fetch` gets one, a path names an image"
    case .noKernel:
      return "no kernel: none in the store and no readable /boot/vmlinuz-*;"
        + " `ktstr kernel fetch` gets one"
    case .notAnImage(let path, let reason):
      return "\(path) is neither a bzImage nor an ELF kernel: \(reason)"
    case .badPayload(let path, let reason):
      return "\(path): its compressed kernel is damaged: \(reason)"
    case .noRelease(let path):
      return "\(path): no Linux version text in it, so it is not taken for a kernel"
    case .noModules(let path, let release):
      return "no modules of \(release) in \(path): neither itself nor its lib/modules/\(release)"
    case .missingModule(let kernel, let module, let user):
      return "kernel \(kernel) has no \(module)" + (user.map { ", which \($0) needs" } ?? "")
        + ", neither as a module nor built in"
    case .modulesNotHere(let kernel, let module):
      return "kernel \(kernel) has \(module) as a module only, and its modules are not here;"
        + " `ktstr kernel add --image IMAGE --modules DIR` brings them"
    case .noCacheDirectory:
      return "there is no place for kernels: set HOME or XDG_CACHE_HOME to an absolute path"
    case .badModule(let kernel, let path, let reason):
      return "kernel \(kernel): \(path) cannot be used: \(reason)"
    case .damaged(let id, let reason):
      return "kernel \(id) in the store is damaged (\(reason));"
        + " remove it with `ktstr kernel rm \(id)` and get it again"
    case .badName(let what, let value):
      return "'\(value)' cannot be the name of a \(what)"
    case .noAptSource(let codename, let searched):
      return "apt has no source for the distribution's main archive (\(codename));"
        + " looked at \(searched.joined(separator: ", "))"
    case .noHostSuite:
      return "/etc/os-release has no VERSION_CODENAME; name the suite: `ktstr kernel fetch SUITE`"
    case .noPackage(let suite, let version, let known):
      return "\(suite) has no cloud-flavour kernel" + (version.map { " \($0)" } ?? "")
        + (known.isEmpty ? "" : "; it has \(known.joined(separator: ", "))")
    case .incompletePackages(let suite, let release, let missing, let known):
      return "\(suite) has \(release) without its \(missing.joined(separator: ", "));"
        + " it has all of \(known.joined(separator: ", "))"
    case .emptyPackages(let names):
      return "no kernel image in \(names.joined(separator: ", "))"
    case .step(let step, let reason):
      return "\(step): \(reason)"
    }
  }

  /// Runs a step; an error of another type than this one gets the step's name as context.
  static func step<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as KernelError {
      throw error
    } catch {
      throw KernelError.step(name, reason: "\(error)")
    }
  }
}
