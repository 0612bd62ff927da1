/// What a process gives up before its first guest instruction.
package struct SandboxPolicy: Sendable {
  /// Bounds of the process.
  package var limits: [ResourceLimit]
  /// Paths that may still be opened; nil leaves them to the file system's own rights.
  package var landlock: LandlockPolicy?
  /// Calls that a role may make on top of those of ``ThreadRole``.
  package var additions: [ThreadRole: [SeccompRule]] = [:]
  /// Where the line that tells a refused call is written.
  package var refusalDescriptor: CInt = 2
  /// Whether threads that run already, and keep all rights, are no reason to stop.
  package var toleratesOtherThreads = false

  /// Makes a policy.
  ///
  /// - Parameter limits: by default no core file and 4,096 descriptors.
  package init(
    landlock: LandlockPolicy?, limits: [ResourceLimit] = SandboxPolicy.usualLimits
  ) {
    self.landlock = landlock
    self.limits = limits
  }

  /// No core file, which would hold the guest's memory and take as long as it is large; descriptors
  /// for hundreds of vCPUs and devices, but not for a leak that goes on for hours.
  ///
  /// A core limit of one byte does more than zero: it also keeps the kernel from piping a core to a
  /// program (fs/coredump.c), for which zero means nothing.
  package static let usualLimits = [
    ResourceLimit(.coreFile, 1), ResourceLimit(.descriptors, 4096),
  ]
}
