import HostOS

extension Luggage {
  /// Packs the program that the guest is to run, and all that it needs.
  ///
  /// A name without a slash is looked for in the host's `PATH`; a path may also be one that an
  /// include has put into the guest.
  ///
  /// - Parameter directory: the host's directory that a relative path starts from.
  /// - Returns: the program's path in the guest.
  /// - Throws: ``ProgramError``, also for a library that is nowhere.
  package mutating func addCommand(
    _ name: String, directory: String
  ) throws(ProgramError) -> String {
    var path: String
    if name.contains("/") {
      path = GuestPath.join(directory, name)
    } else if let found = ExecutableSearch.find(name) {
      path = GuestPath.join(directory, found)
    } else {
      throw .notFound(name)
    }
    // `./tool` is called by the path that people would write.
    path = "/" + GuestPath.parts(of: path).joined(separator: "/")
    guard let file = try placed(path) else {
      throw try Self.exists(path) ? .notExecutable(path) : .notFound(path)
    }
    guard file.isExecutable else { throw .notExecutable(path) }
    switch try reading(of: file.host) {
    case .program(let program) where !program.isForGuests:
      throw .otherMachine(path: path, machine: program.machine, bits: program.bits)
    case .other: throw .notAProgram(path)
    case .none:
      guard try Script.line(of: file.host) != nil else { throw .notAProgram(path) }
    case .program, .damaged: break
    }
    examined.insert(file.guest)
    try addNeeds(of: file)
    return path
  }

  private static func exists(_ path: String) throws(ProgramError) -> Bool {
    try host { () throws(SystemCallError) in try Files.status(of: path) } != nil
  }
}

extension Luggage {
  /// Makes a directory, with what leads to it; one that is there stays as it is.
  ///
  /// - Throws: ``ProgramError``.
  package mutating func makeDirectory(_ path: String) throws(ProgramError) {
    guard !FileTree.isReserved(path) else { return }
    if let entry = try tree.node(at: path) {
      guard case .directory = entry.node else { throw .notADirectory(guestPath: path) }
      return
    }
    // What is below it makes it as it is on the host.
    try tree.makeWay(below: path)
  }

  /// Brings the index by which the host's loader finds libraries outside the default directories.
  ///
  /// - Throws: ``ProgramError``.
  package mutating func includeLoaderCache() throws(ProgramError) {
    _ = try placed("/etc/ld.so.cache")
  }
}
