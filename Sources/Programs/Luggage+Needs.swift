import HostOS

/// What programs need to run: the loader's view of ELF files, the kernel's view of scripts.
extension Luggage {
  /// The kernel follows this many interpreters (`exec_binprm` of fs/exec.c).
  private static let deepestScript = 5

  /// A directory to look for a library in, here and in the guest.
  private struct Directory {
    var host: String
    var guest: String
  }

  /// A loaded object of one program: the program itself, or a library.
  private struct Object {
    var file: PlacedFile
    var program: ELFProgram
    /// Which object needed it first.
    var user: Int?
  }

  /// Adds what a placed file needs.
  ///
  /// - Throws: ``ProgramError``.
  mutating func addNeeds(of file: PlacedFile, depth: Int = 0) throws(ProgramError) {
    switch try reading(of: file.host) {
    case .other: return
    case .damaged(let reason): throw .damaged(path: file.host, reason: reason)
    case .program(let program):
      // Another machine's program is a file like any other to a guest.
      guard program.isForGuests else { return }
      if let loader = program.interpreter {
        guard try contains(loader) else {
          throw .missingLibrary(name: loader, neededBy: file.host, searched: [])
        }
      }
      try addLibraries(of: file, program)
    case .none:
      guard file.isExecutable, let line = try Script.line(of: file.host) else { return }
      guard depth < Self.deepestScript else { throw .interpretersTooDeep(file.host) }
      try addInterpreter(line, of: file.host, depth: depth)
    }
  }

  /// What a file of the host is.
  ///
  /// - Throws: ``ProgramError/system(_:)``.
  mutating func reading(of path: String) throws(ProgramError) -> ELFProgram.Reading {
    if let known = readings[path] { return known }
    let reading = try Self.host { () throws(SystemCallError) in try ELFProgram.read(path) }
    readings[path] = reading
    return reading
  }

  private mutating func addInterpreter(
    _ line: Script.Line, of script: String, depth: Int
  ) throws(ProgramError) {
    guard line.interpreter.hasPrefix("/"), let interpreter = try placed(line.interpreter) else {
      throw .missingInterpreter(script: script, interpreter: line.interpreter)
    }
    try addNeeds(of: interpreter, depth: depth + 1)
    guard let wanted = line.programOfEnv else { return }
    for directory in wanted.contains("/") ? [""] : searchPath {
      let path = wanted.contains("/") ? wanted : GuestPath.join(directory, wanted)
      guard path.hasPrefix("/"), let found = try placed(path), found.isExecutable else { continue }
      try addNeeds(of: found, depth: depth + 1)
      return
    }
    throw .missingInterpreter(script: script, interpreter: wanted)
  }

  /// Finds libraries as ld.so(8) does, breadth first, each name once for a program.
  private mutating func addLibraries(
    of file: PlacedFile, _ program: ELFProgram
  ) throws(ProgramError) {
    var objects = [Object(file: file, program: program, user: nil)]
    var names: Set<String> = []
    var next = 0
    while next < objects.count {
      let object = objects[next]
      for name in object.program.needed where names.insert(name).inserted {
        let found = try library(name, for: next, objects)
        guard case .program(let library) = try reading(of: found.host) else { continue }
        examined.insert(found.guest)
        objects.append(Object(file: found, program: library, user: next))
      }
      next += 1
    }
  }

  private mutating func library(
    _ name: String, for user: Int, _ objects: [Object]
  ) throws(ProgramError) -> PlacedFile {
    if name.contains("/") {
      if name.hasPrefix("/"), let found = try fitting(Directory(host: "", guest: ""), name) {
        return found
      }
      throw .missingLibrary(name: name, neededBy: objects[user].file.host, searched: [])
    }
    let places = searchOrder(for: user, objects)
    for place in places {
      if let found = try fitting(place, "/" + name) { return found }
    }
    throw .missingLibrary(
      name: name, neededBy: objects[user].file.host, searched: places.map(\.host))
  }

  private func searchOrder(for user: Int, _ objects: [Object]) -> [Directory] {
    let object = objects[user]
    var places: [Directory] = []
    if object.program.runpath.isEmpty {
      // DT_RPATH of the object and of those that needed it; one with DT_RUNPATH has none.
      var current: Int? = user
      while let index = current {
        if objects[index].program.runpath.isEmpty {
          places += objects[index].program.rpath.map { expand($0, for: objects[index].file) }
        }
        current = objects[index].user
      }
    }
    places += libraryPath.map { Directory(host: $0, guest: $0) }
    places += object.program.runpath.map { expand($0, for: object.file) }
    places += directories.paths.map { Directory(host: $0, guest: $0) }
    return places
  }

  /// Replaces what ld.so(8) calls dynamic string tokens.
  private func expand(_ directory: String, for file: PlacedFile) -> Directory {
    func expanded(_ origin: String) -> String {
      var text = directory
      let tokens = [
        ("ORIGIN", origin), ("LIB", "lib/x86_64-linux-gnu"), ("PLATFORM", "x86_64"),
      ]
      for (token, value) in tokens {
        text = text.replacing("${\(token)}", with: value).replacing("$\(token)", with: value)
      }
      return GuestPath.plain(text)
    }
    return Directory(
      host: expanded(GuestPath.parent(of: file.host)),
      guest: expanded(GuestPath.parent(of: file.guest)))
  }

  /// The library at `directory` + `name` when it fits guests, placed in the tree.
  private mutating func fitting(
    _ directory: Directory, _ name: String
  ) throws(ProgramError) -> PlacedFile? {
    if let present = try tree.node(at: directory.guest + name) {
      guard case .file(let source, _, let permissions) = present.node,
        case .program(let program) = try reading(of: source), program.isForGuests
      else { return nil }
      return PlacedFile(
        host: source, guest: present.path, isExecutable: permissions & 0o111 != 0)
    }
    let host = directory.host + name
    guard let status = try Self.host({ () throws(SystemCallError) in try Files.status(of: host) }),
      status.kind == .regular, case .program(let program) = try reading(of: host),
      program.isForGuests
    else { return nil }
    return try place(host, at: directory.guest + name)
  }

  /// A file of the guest: one that is in the tree, or the host's, which then is put there.
  mutating func placed(_ path: String) throws(ProgramError) -> PlacedFile? {
    if try tree.node(at: path) == nil {
      guard
        let status = try Self.host({ () throws(SystemCallError) in try Files.status(of: path) }),
        status.kind == .regular
      else { return nil }
      return try place(path, at: path)
    }
    return try present(path)
  }

  private mutating func contains(_ path: String) throws(ProgramError) -> Bool {
    try placed(path) != nil
  }

  private mutating func place(
    _ host: String, at guest: String
  ) throws(ProgramError) -> PlacedFile? {
    try include(host, at: guest)
    return try present(guest)
  }

  private func present(_ path: String) throws(ProgramError) -> PlacedFile? {
    guard let entry = try tree.node(at: path),
      case .file(let source, _, let permissions) = entry.node
    else { return nil }
    return PlacedFile(
      host: source, guest: entry.path, isExecutable: permissions & 0o111 != 0)
  }
}
