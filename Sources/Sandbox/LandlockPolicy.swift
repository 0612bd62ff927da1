import CLinux
import HostOS
import SystemPackage

/// Which paths a process may still open, where the kernel has Landlock (landlock(7)).
///
/// It is about opening: what is open already stays usable. Execution, TCP and, from ABI 6 on, signals
/// to and abstract sockets of processes outside are refused altogether.
package struct LandlockPolicy: Hashable, Sendable {
  /// Files and directories to read, with all beneath them; each must exist.
  package var readable: [String]
  /// Files and directories to read and change, with all beneath them; each must exist.
  package var writable: [String]

  /// Makes a policy.
  package init(readable: [String] = [], writable: [String] = []) {
    self.readable = readable
    self.writable = writable
  }
}

/// What became of Landlock.
package enum LandlockOutcome: Codable, Hashable, Sendable, CustomStringConvertible {
  /// Paths are restricted, by the rules of this ABI or an older one.
  case restricted(abi: Int)
  /// The kernel has none; the text says whether it was not built or not enabled.
  case absent(because: String)
  /// Nobody asked for it.
  case notWanted

  package var description: String {
    switch self {
    case .restricted(let abi): "Landlock ABI \(abi)"
    case .absent(let reason): "no Landlock (\(reason))"
    case .notWanted: "Landlock not wanted"
    }
  }
}

extension LandlockPolicy {
  /// The newest ABI that this code knows; a newer kernel's further rights stay unrestricted.
  package static let newestABI = 6

  /// The rights that a kernel of some ABI is told to refuse unless a rule gives them.
  package static func handled(by abi: Int) -> (
    files: LandlockAccess, network: UInt64, scopes: UInt64
  ) {
    (
      .known(to: abi),
      // LANDLOCK_ACCESS_NET_BIND_TCP and _CONNECT_TCP, from ABI 4.
      abi >= 4 ? 0b11 : 0,
      // LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and _SIGNAL, from ABI 6.
      abi >= 6 ? 0b11 : 0
    )
  }

  /// The ABI of this kernel, or why it has none.
  package static func abi() throws(SandboxError) -> Result<Int, LandlockAbsence> {
    do {
      return .success(Int(try systemCall("landlock_create_ruleset") { ktstr_landlock_abi() }))
    } catch {
      switch error.errno {
      case .noFunction: return .failure(.notBuilt)
      case .notSupported: return .failure(.notEnabled)
      // The filter of a container that knows nothing of Landlock.
      case .notPermitted: return .failure(.notPermitted)
      default: throw .system(doing: "asking for Landlock", error)
      }
    }
  }

  /// Restricts the calling thread, and those that it starts, for good.
  ///
  /// - Throws: ``SandboxError/system(doing:_:)``, with `ENOENT` for a path that does not exist.
  package func restrictCallingThread() throws(SandboxError) -> LandlockOutcome {
    let abi: Int
    switch try Self.abi() {
    case .failure(let absence): return .absent(because: absence.rawValue)
    case .success(let found): abi = min(found, Self.newestABI)
    }
    let ruleset = try makeRuleset(abi)
    for path in readable { try allow(.reading, beneath: path, abi, in: ruleset.raw) }
    for path in writable { try allow(.writing, beneath: path, abi, in: ruleset.raw) }
    let raw = ruleset.raw
    try step("restricting itself by Landlock") { () throws(SystemCallError) in
      try systemCall("landlock_restrict_self") { ktstr_landlock_restrict(raw) }
    }
    return .restricted(abi: abi)
  }

  private func makeRuleset(_ abi: Int) throws(SandboxError) -> OwnedDescriptor {
    let handled = Self.handled(by: abi)
    var attributes = ktstr_landlock_ruleset(
      handled_files: handled.files.rawValue, handled_network: handled.network,
      scoped: handled.scopes)
    let raw = try step("making a Landlock ruleset of ABI \(abi)") { () throws(SystemCallError) in
      try systemCall("landlock_create_ruleset") { unsafe ktstr_landlock_create(&attributes) }
    }
    return OwnedDescriptor(owning: raw)
  }

  private func allow(
    _ wanted: LandlockAccess, beneath path: String, _ abi: Int, in ruleset: CInt
  ) throws(SandboxError) {
    try step("allowing '\(path)' by Landlock") { () throws(SystemCallError) in
      let place = OwnedDescriptor(
        owning: try systemCall("open", on: path) { unsafe ktstr_open_path(path) })
      var access = wanted.intersection(.known(to: abi))
      if try Files.status(of: path)?.kind != .directory { access.formIntersection(.ofFiles) }
      let raw = place.raw
      try systemCall("landlock_add_rule", on: path) {
        ktstr_landlock_allow(ruleset, raw, access.rawValue)
      }
    }
  }

  @discardableResult
  private func step<Result: ~Copyable>(
    _ doing: String, _ body: () throws(SystemCallError) -> Result
  ) throws(SandboxError) -> Result {
    do {
      return try body()
    } catch {
      throw .system(doing: doing, error)
    }
  }
}

/// Why a kernel has no Landlock.
package enum LandlockAbsence: String, Error, Hashable, Sendable {
  case notBuilt = "not built into this kernel"
  case notEnabled = "not enabled at boot"
  case notPermitted = "not permitted here"
}
