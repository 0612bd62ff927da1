import Glibc
import HostOS
import Programs
import Testing

@Suite struct LuggageTests {
  private let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory()
  }

  /// Luggage whose loader looks in the test's own directories only.
  private func luggage(
    directories: [String] = ["lib"], libraryPath: [String] = [], searchPath: [String] = []
  ) throws -> Luggage {
    let text = directories.map { "\(scratch.path)/\($0)\n" }.joined()
    let configuration = try scratch.write("ld.so.conf", text)
    return Luggage(
      libraryPath: libraryPath, searchPath: searchPath,
      directories: LibraryDirectories(configuration: configuration))
  }

  private func elf(_ name: String, _ elf: SyntheticELF) throws -> String {
    try scratch.write(name, elf.bytes, mode: 0o755)
  }

  private func path(_ name: String) -> String { scratch.path + "/" + name }

  @Test func `a program brings its loader, its libraries and what those need`() throws {
    let loader = try elf("ld.so", SyntheticELF())
    let program = try elf(
      "bin/p", SyntheticELF(isExecutable: true, interpreter: loader, needed: ["liba.so"]))
    let first = try elf("lib/liba.so", SyntheticELF(needed: ["libb.so", "liba.so"]))
    let second = try elf("lib/libb.so", SyntheticELF(needed: ["liba.so"]))
    _ = try elf("lib/libc.so", SyntheticELF())
    var luggage = try luggage()
    #expect(try luggage.addCommand("bin/p", directory: scratch.path) == program)
    for file in [loader, program, first, second] { #expect(luggage.tree.hasFile(from: file)) }
    #expect(!luggage.tree.hasFile(from: path("lib/libc.so")))
    #expect(luggage.shortcomings.isEmpty)
  }

  @Test func `a library of another machine is passed over`() throws {
    _ = try elf("one/liba.so", SyntheticELF(machine: 3))
    let right = try elf("two/liba.so", SyntheticELF())
    _ = try elf("p", SyntheticELF(isExecutable: true, needed: ["liba.so"]))
    var luggage = try luggage(directories: ["one", "two"])
    _ = try luggage.addCommand("./p", directory: scratch.path)
    #expect(luggage.tree.hasFile(from: right))
    #expect(!luggage.tree.hasFile(from: path("one/liba.so")))
  }

  @Test func `ORIGIN is the directory of whoever says it`() throws {
    let own = try elf("app/lib/liba.so", SyntheticELF(needed: ["libb.so"], runpath: "$ORIGIN/deep"))
    let deep = try elf("app/lib/deep/libb.so", SyntheticELF())
    _ = try elf("lib/liba.so", SyntheticELF())
    _ = try elf(
      "app/bin/p",
      SyntheticELF(isExecutable: true, needed: ["liba.so"], runpath: "${ORIGIN}/../lib"))
    var luggage = try luggage()
    _ = try luggage.addCommand("app/bin/p", directory: scratch.path)
    #expect(luggage.tree.hasFile(from: own))
    #expect(luggage.tree.hasFile(from: deep))
    #expect(!luggage.tree.hasFile(from: path("lib/liba.so")))
  }

  @Test func `RUNPATH is the object's own, RPATH counts for what it needs as well`() throws {
    _ = try elf("private/libb.so", SyntheticELF())
    _ = try elf("lib/liba.so", SyntheticELF(needed: ["libb.so"]))
    let directory = path("private")
    _ = try elf(
      "run", SyntheticELF(isExecutable: true, needed: ["liba.so"], runpath: directory))
    _ = try elf("r", SyntheticELF(isExecutable: true, needed: ["liba.so"], rpath: directory))
    var first = try luggage()
    #expect {
      try first.addCommand("./run", directory: scratch.path)
    } throws: {
      guard case .missingLibrary("libb.so", let user, _)? = $0 as? ProgramError else {
        return false
      }
      return user == path("lib/liba.so")
    }
    var second = try luggage()
    _ = try second.addCommand("./r", directory: scratch.path)
    #expect(second.tree.hasFile(from: path("private/libb.so")))
  }

  @Test func `LD_LIBRARY_PATH of the guest comes before RUNPATH, behind RPATH`() throws {
    for name in ["env/liba.so", "run/liba.so", "r/liba.so"] {
      _ = try elf(name, SyntheticELF())
    }
    _ = try elf("p", SyntheticELF(isExecutable: true, needed: ["liba.so"], runpath: path("run")))
    _ = try elf("q", SyntheticELF(isExecutable: true, needed: ["liba.so"], rpath: path("r")))
    var first = try luggage(libraryPath: [path("env")])
    _ = try first.addCommand("./p", directory: scratch.path)
    #expect(first.tree.hasFile(from: path("env/liba.so")))
    var second = try luggage(libraryPath: [path("env")])
    _ = try second.addCommand("./q", directory: scratch.path)
    #expect(second.tree.hasFile(from: path("r/liba.so")))
  }

  @Test func `a library that is nowhere is named, with where it was looked for`() throws {
    let program = try elf("p", SyntheticELF(isExecutable: true, needed: ["libnone.so.9"]))
    var luggage = try luggage()
    #expect {
      try luggage.addCommand("./p", directory: scratch.path)
    } throws: {
      "\($0)".hasPrefix(
        "libnone.so.9, which \(program) needs, was not found in \(path("lib")), /lib/")
        || "\($0)".contains("\(path("lib"))")
    }
    // Of an included program it is worth a word.
    var other = try self.luggage()
    try other.include(program, at: program)
    try other.complete()
    #expect(other.shortcomings.count == 1)
    #expect(other.tree.hasFile(from: program))
  }

  @Test func `an include at another place finds its libraries from there`() throws {
    _ = try elf("app/lib/liba.so", SyntheticELF())
    let program = try elf(
      "app/bin/p", SyntheticELF(isExecutable: true, needed: ["liba.so"], runpath: "$ORIGIN/../lib"))
    var luggage = try luggage()
    try luggage.include(program, at: "/ktstr-no-such/bin/p")
    try luggage.complete()
    #expect(
      luggage.tree.entry("/ktstr-no-such/lib/liba.so")
        == .file(
          source: path("app/lib/liba.so"), size: UInt64(SyntheticELF().bytes.count),
          permissions: 0o755))
    #expect(
      try luggage.addCommand("/ktstr-no-such/bin/p", directory: "/") == "/ktstr-no-such/bin/p")
  }

  @Test func `a directory comes with modes and links, and what is in it stays as it is`() throws {
    try scratch.write("d/a/data", "hello", mode: 0o600)
    try scratch.write("d/tool", "no script", mode: 0o755)
    try scratch.link("d/link", to: "a/data")
    try scratch.link("d/dangling", to: "/nowhere/at/all")
    try systemCall("chmod") { chmod(path("d/a"), 0o711) }
    var luggage = try luggage()
    try luggage.include(path("d"), at: "/ktstr-no-such/d")
    try luggage.complete()
    let tree = luggage.tree
    #expect(tree.entry("/ktstr-no-such/d/a") == .directory(permissions: 0o711))
    #expect(
      tree.entry("/ktstr-no-such/d/a/data")
        == .file(source: path("d/a/data"), size: 5, permissions: 0o600))
    #expect(tree.entry("/ktstr-no-such/d/link") == .link(target: "a/data"))
    #expect(tree.entry("/ktstr-no-such/d/dangling") == .link(target: "/nowhere/at/all"))
    #expect(luggage.shortcomings.isEmpty)
  }

  @Test func `a link that is named brings what it leads to`() throws {
    let file = try scratch.write("versions/2/tool", "x")
    try scratch.link("current", to: "versions/2")
    try scratch.link("tool", to: "current/tool")
    var luggage = try luggage()
    try luggage.include(path("tool"), at: path("tool"))
    #expect(luggage.tree.entry(path("tool")) == .link(target: "current/tool"))
    #expect(luggage.tree.entry(path("current")) == .link(target: "versions/2"))
    #expect(luggage.tree.hasFile(from: path("current/tool")) || luggage.tree.hasFile(from: file))
    var elsewhere = try self.luggage()
    try elsewhere.include(path("tool"), at: "/ktstr-no-such")
    guard case .file = elsewhere.tree.entry("/ktstr-no-such") else {
      Issue.record("\(String(describing: elsewhere.tree.entry("/ktstr-no-such")))")
      return
    }
  }

  @Test func `what is not there, and what is no file, is refused by name`() throws {
    var luggage = try luggage()
    #expect(throws: ProgramError.notFound(path("none"))) {
      try luggage.include(path("none"), at: path("none"))
    }
    try systemCall("mkfifo") { mkfifo(path("fifo"), 0o600) }
    #expect(throws: ProgramError.specialFile(path("fifo"))) {
      try luggage.include(path("fifo"), at: path("fifo"))
    }
  }

  @Test func `a script brings its interpreter, and what env is asked to find`() throws {
    let interpreter = try elf(
      "bin/interpreter", SyntheticELF(isExecutable: true, needed: ["liba.so"]))
    let library = try elf("lib/liba.so", SyntheticELF())
    let env = try elf("bin/env", SyntheticELF(isExecutable: true))
    try scratch.write("plain", "#! \(interpreter) -x\nwords\n", mode: 0o755)
    try scratch.write("by-env", "#!\(env) -S A=1 interpreter -x\n", mode: 0o755)
    for script in ["plain", "by-env"] {
      var luggage = try luggage(searchPath: ["/ktstr-no-such", path("bin")])
      _ = try luggage.addCommand("./" + script, directory: scratch.path)
      #expect(luggage.tree.hasFile(from: interpreter), "\(script)")
      #expect(luggage.tree.hasFile(from: library), "\(script)")
      #expect(luggage.tree.hasFile(from: env) == (script == "by-env"))
    }
  }

  @Test func `a script without an interpreter is refused by name`() throws {
    let script = try scratch.write("s", "#!/ktstr-no-such/sh\n", mode: 0o755)
    var luggage = try luggage()
    #expect(
      throws: ProgramError.missingInterpreter(script: script, interpreter: "/ktstr-no-such/sh")
    ) {
      try luggage.addCommand(script, directory: "/")
    }
  }

  @Test func `scripts that interpret each other end`() throws {
    let first = path("one")
    try scratch.write("one", "#!\(path("two"))\n", mode: 0o755)
    try scratch.write("two", "#!\(first)\n", mode: 0o755)
    var luggage = try luggage()
    #expect(throws: ProgramError.self) { try luggage.addCommand(first, directory: "/") }
  }

  @Test func `commands that cannot run are refused with the reason`() throws {
    var luggage = try luggage()
    let text = try scratch.write("text", "just text", mode: 0o755)
    let plain = try scratch.write("plain", "#!/bin/sh\n")
    let foreign = try elf("arm", SyntheticELF(isExecutable: true, machine: 183))
    #expect(throws: ProgramError.notFound("ktstr-no-such")) {
      try luggage.addCommand("ktstr-no-such", directory: "/")
    }
    #expect(throws: ProgramError.notFound("/none/such")) {
      try luggage.addCommand("/none/such", directory: "/")
    }
    #expect(throws: ProgramError.notAProgram(text)) {
      try luggage.addCommand(text, directory: "/")
    }
    #expect(throws: ProgramError.notExecutable(plain)) {
      try luggage.addCommand(plain, directory: "/")
    }
    #expect(throws: ProgramError.notExecutable(scratch.path)) {
      try luggage.addCommand(scratch.path, directory: "/")
    }
    #expect(throws: ProgramError.otherMachine(path: foreign, machine: 183, bits: 64)) {
      try luggage.addCommand(foreign, directory: "/")
    }
  }

  @Test func `the host's ls comes with the libraries that its loader would take`() throws {
    var luggage = Luggage()
    let path = try luggage.addCommand("ls", directory: "/")
    #expect(try luggage.tree.node(at: path) != nil)
    #expect(try luggage.tree.node(at: "/lib64/ld-linux-x86-64.so.2") != nil)
    let tool = ToolRequest("ldd", [path])
    let text = String(decoding: try ToolRunner.run(tool).output, as: UTF8.self)
    let libraries = text.split(separator: "\n").compactMap { line -> String? in
      guard let arrow = line.split(separator: " ").firstIndex(of: "=>") else { return nil }
      return String(line.split(separator: " ")[arrow + 1])
    }
    #expect(!libraries.isEmpty, "\(text)")
    for library in libraries {
      #expect(try luggage.tree.node(at: library) != nil, "\(library)")
    }
  }
}
