import Boot
import Evidence
import Glibc
import HostOS
import Programs
import Scenario
import Wire

/// Programs, libraries, objects and files of a scenario, ready for a guest.
struct CompanionLuggage {
  /// A file at a place that is ours.
  struct OwnFile {
    var host: String
    var guest: String
    var permissions: UInt32
  }

  var tree: FileTree
  var own: [OwnFile] = []
  /// The programs' paths in the guest: of schedulers that are programs, by their places in the plan,
  /// and of each payload.
  var schedulerPaths: [Int: String] = [:]
  var payloadPaths: [String] = []

  /// What the archive takes at most.
  func size() -> UInt64 {
    own.reduce(TreeArchive.size(of: tree)) { sum, file in
      sum.saturatingAdd(((try? Files.status(of: file.host))??.size ?? 0) + 256)
    }
  }

  /// Puts the paths of packed programs into a plan.
  func complete(_ plan: inout Plan) {
    for (index, path) in schedulerPaths where plan.schedulers.indices.contains(index) {
      plan.schedulers[index].program.path = path
    }
    for (index, path) in payloadPaths.enumerated() where plan.payloads.indices.contains(index) {
      plan.payloads[index].program.path = path
    }
  }

  /// Writes the archive.
  ///
  /// - Throws: ``ProgramError`` or ``SystemCallError``.
  func write(to path: String) throws {
    var contents: [(OwnFile, [UInt8])] = []
    for file in own { contents.append((file, try Files.read(file.host, limit: 64 << 20))) }
    let archive = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL)
    try TreeArchive.write(tree, to: archive.raw) { cpio throws(CpioError) in
      guard !contents.isEmpty else { return }
      var directories = Set<String>()
      for (file, bytes) in contents {
        for directory in ["/ktstr/scheduler", GuestPath.parent(of: file.guest)]
        where directories.insert(directory).inserted {
          try cpio.addDirectory(directory)
        }
        try cpio.addFile(file.guest, bytes, permissions: file.permissions)
      }
    }
  }
}

/// Gathers what a scenario's scheduler and payloads need; what is missing is refused with its place.
struct CompanionPacking {
  private let document: ScenarioDocument
  /// Absolute; relative paths of the scenario start there.
  private let directory: String

  init(_ document: ScenarioDocument) throws(PreparationError) {
    self.document = document
    do {
      let file = GuestPath.join(try Files.workingDirectory(), document.file)
      directory = GuestPath.parent(of: file)
    } catch {
      throw .host(doing: "finding the scenario's directory", error)
    }
  }

  /// Packs everything; nil for a scenario without schedulers and payloads.
  ///
  /// - Throws: ``PreparationError``.
  func pack() throws(PreparationError) -> CompanionLuggage? {
    let scenario = document.scenario
    let schedulers = scenario.allSchedulers
    guard !schedulers.isEmpty || !scenario.payloads.isEmpty else { return nil }
    var luggage = Luggage(
      searchPath: ExecOrder.searchPath.split(separator: ":").map(String.init))
    var result = CompanionLuggage(tree: luggage.tree)
    for (index, scheduler) in schedulers.enumerated() {
      let place = Self.place(of: index, in: scenario)
      switch scheduler.source {
      case .object(let path, _):
        try addObject(path, number: index, at: "\(place).object", to: &result)
      case .program(let program):
        result.schedulerPaths[index] = try add(program, at: place, to: &luggage)
      }
    }
    for (index, payload) in scenario.payloads.enumerated() {
      result.payloadPaths.append(
        try add(payload.program, at: "payload[\(index)]", to: &luggage))
    }
    let first = result.schedulerPaths.keys.min()
    if first != nil || !result.payloadPaths.isEmpty {
      let whole = first.map { Self.place(of: $0, in: scenario) } ?? "payload"
      try refusing(at: whole) { () throws(ProgramError) in
        try luggage.complete()
        try luggage.includeLoaderCache()
      }
    }
    result.tree = luggage.tree
    return result
  }

  /// Where a scheduler stands in the file.
  private static func place(of index: Int, in scenario: Scenario) -> String {
    if scenario.scheduler == nil { return "schedulers[\(index)]" }
    return index == 0 ? "scheduler" : "schedulers[\(index - 1)]"
  }

  private func addObject(
    _ path: String, number: Int, at place: String, to result: inout CompanionLuggage
  ) throws(PreparationError) {
    let host = GuestPath.join(directory, path)
    let status = try refusing(at: place) { () throws(ProgramError) in try Self.status(of: host) }
    guard let status else {
      throw refusal(
        at: place,
        "\(GuestPath.plain(host)) does not exist; `make schedulers` builds those of Schedulers/")
    }
    guard status.kind == .regular else {
      throw refusal(at: place, "\(GuestPath.plain(host)) is no file")
    }
    let executable: String
    do {
      executable = try OwnExecutable.path()
    } catch {
      throw .host(doing: "finding this program", error)
    }
    guard let loader = SchedulerLoader.locate(executable: executable) else {
      let searched = SchedulerLoader.candidates(executable: executable).map(GuestPath.plain)
      throw refusal(
        at: place,
        "the loader \(SchedulerLoader.name) is missing (looked at "
          + searched.joined(separator: ", ")
          + "); `make schedulers` builds it, \(SchedulerLoader.variable) names another place")
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    if result.own.isEmpty {
      result.own.append(.init(host: loader, guest: Scenario.loaderPath, permissions: 0o755))
    }
    result.own.append(
      .init(
        host: host, guest: "\(Scenario.schedulerDirectory(number))/\(name)", permissions: 0o644))
  }

  private func add(
    _ program: ProgramSpec, at place: String, to luggage: inout Luggage
  ) throws(PreparationError) -> String {
    for (index, file) in program.files.enumerated() {
      let host = GuestPath.plain(GuestPath.join(directory, file.host))
      try refusing(at: "\(place).files[\(index)]") { () throws(ProgramError) in
        try luggage.include(host, at: file.guest ?? host)
      }
    }
    return try refusing(at: "\(place).program") { () throws(ProgramError) in
      try luggage.addCommand(program.path, directory: directory)
    }
  }

  private static func status(of path: String) throws(ProgramError) -> FileStatus? {
    do {
      return try Files.status(of: path)
    } catch {
      throw .system(error)
    }
  }

  private func refusal(at place: String, _ message: String) -> PreparationError {
    .scenario(document.problem(at: place, message))
  }

  private func refusing<Result>(
    at place: String, _ body: () throws(ProgramError) -> Result
  ) throws(PreparationError) -> Result {
    do {
      return try body()
    } catch {
      throw refusal(at: place, error.description)
    }
  }
}
