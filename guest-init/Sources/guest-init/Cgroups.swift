internal import CGuest
internal import GuestLogic
internal import Wire

/// The plan's cgroups, below a work root of their own.
struct Cgroups {
  /// The work root.
  static let root = Mounts.cgroup + "/ktstr"
  private static let limit = 10 * Time.second
  private static let freezeFile = "cgroup.freeze"

  private let groups: [CgroupPlan]
  /// The same with all files that actions will write.
  private let all: [CgroupPlan]
  /// Where workers without a group go.
  ///
  /// A group that hands controllers down may hold no processes
  /// itself (the kernel's no-internal-process rule), so they get a leaf beside the plan's groups.
  private let ungrouped: String
  /// Paths of the groups that are frozen by a setting or an action of their own.
  private(set) var frozen: [String] = []

  /// Makes the groups that are there from the start, and writes their settings.
  ///
  /// - Throws: ``Failure`` for the first write that the kernel refused, and for a control file that
  ///   some action will write and the kernel does not have.
  init(_ plan: Plan) throws(Failure) {
    groups = plan.cgroups
    all = plan.cgroupsWithAllFiles
    let needsLeaf = !Controllers.needed(by: all).isEmpty
    ungrouped = needsLeaf ? Self.root + "/.ungrouped" : Self.root
    let this = self
    let answer = try Helper.run("set up cgroups", limit: Self.limit) { line in
      do throws(Failure) {
        try this.setUp(line)
      } catch {
        line.problem(error)
      }
    }
    if let failure = answer.problems.first { throw failure }
  }

  /// The directory of a worker's group.
  func path(_ index: UInt32?) -> String {
    guard let index, index < UInt32(groups.count) else { return ungrouped }
    return Self.root + "/" + groups[Int(index)].path
  }

  // MARK: Setting up

  private func setUp(_ line: borrowing Helper.Line) throws(Failure) {
    let there = Files.contents(Mounts.cgroup + "/cgroup.controllers")
    if let (path, file) = Controllers.missing(among: there, for: all) {
      throw Self.explained(Self.lacking(file, for: path), Mounts.cgroup)
    }
    let needed = Controllers.needed(by: all)
    try delegate(needed, in: Mounts.cgroup, line)
    try Files.makeDirectory(Self.root)
    try delegate(needed, in: Self.root, line)
    if !ungrouped.isSame(as: Self.root) { try Files.makeDirectory(ungrouped) }
    try checkFiles()
    for index in groups.indices where !groups[index].comesLater {
      try make(UInt32(index), line)
    }
  }

  /// A file that only an action writes is looked for now: a kernel without it shall not be found out
  /// in the middle of the work.
  private func checkFiles() throws(Failure) {
    for group in all {
      for setting in group.settings where !Files.exists(ungrouped + "/" + setting.file) {
        throw Self.explained(Self.lacking(setting.file, for: group.path), Self.root)
      }
    }
  }

  private static func lacking(_ file: String, for path: String) -> Failure {
    Failure("cgroup " + path + ": the kernel has no " + file, result: -2)
  }

  /// Makes a group and writes its settings, but for whether it is frozen.
  func make(_ index: UInt32, _ line: borrowing Helper.Line) throws(Failure) {
    let path = path(index)
    line.doing("mkdir " + path)
    try Files.makeDirectory(path)
    try delegate(Controllers.delegated(in: groups[Int(index)].path, by: all), in: path, line)
    for setting in groups[Int(index)].settings where !setting.file.isSame(as: Self.freezeFile) {
      try Self.write(setting, in: path, line)
    }
  }

  /// Writes a control file of a group.
  func set(
    _ setting: CgroupPlan.Setting, of index: UInt32, _ line: borrowing Helper.Line
  ) throws(Failure) {
    try Self.write(setting, in: path(index), line)
  }

  /// Hands controllers down to the groups below `path`.
  private func delegate(
    _ controllers: [String], in path: String, _ line: borrowing Helper.Line
  ) throws(Failure) {
    for name in controllers {
      let file = path + "/cgroup.subtree_control"
      line.doing("write '+" + name + "' to " + file)
      do throws(Failure) {
        try Files.write("+" + name, to: file)
      } catch {
        throw Self.explained(error, path)
      }
    }
  }

  private static func write(
    _ setting: CgroupPlan.Setting, in path: String, _ line: borrowing Helper.Line
  ) throws(Failure) {
    let file = path + "/" + setting.file
    line.doing("write '" + setting.value + "' to " + file)
    do throws(Failure) {
      try Files.write(setting.value, to: file)
    } catch {
      throw explained(error, path)
    }
  }

  /// ENOENT from a control file mostly means that its controller is not there: show which are.
  private static func explained(_ failure: Failure, _ path: String) -> Failure {
    var failure = failure
    let there = ByteText.word(Files.contents(path + "/cgroup.controllers"))
    failure.text += " (controllers there: " + (there.isEmpty ? "none" : there) + ")"
    return failure
  }

  // MARK: Freezing

  /// Whether a group stands frozen, by itself or with one above it; an index into the plan's.
  func isFrozen(_ index: UInt32?) -> Bool {
    let inner = [UInt8]((path(index) + "/").utf8)
    for path in frozen where inner.starts(with: (path + "/").utf8) { return true }
    return false
  }

  /// Notes that a group is frozen, or goes on.
  mutating func note(_ index: UInt32, isFrozen: Bool) {
    let path = path(index)
    frozen.removeAll { $0.isSame(as: path) }
    if isFrozen { frozen.append(path) }
  }

  /// Notes that a group is gone.
  mutating func forget(_ index: UInt32) { note(index, isFrozen: false) }

  /// Freezes the groups whose settings say so.
  ///
  /// Not before all workers wait for their start: a frozen one would not come that far.
  ///
  /// - Throws: ``Failure`` when the kernel refused.
  mutating func freezeFirst(_ crew: inout Crew) throws(Failure) {
    for index in groups.indices where !groups[index].comesLater {
      for setting in groups[index].settings where setting.file.isSame(as: Self.freezeFile) {
        try freeze(UInt32(index), setting.value.isSame(as: "1"), &crew)
      }
    }
  }

  private mutating func freeze(
    _ index: UInt32, _ isFrozen: Bool, _ crew: inout Crew
  ) throws(Failure) {
    let path = path(index)
    note(index, isFrozen: isFrozen)
    let now = self
    crew.note { now.isFrozen($0) }
    let answer = try Helper.run("freeze cgroups", limit: Self.limit) { line in
      do throws(Failure) {
        try Self.freeze(path, isFrozen, line)
      } catch {
        line.problem(error)
      }
    }
    if let failure = answer.problems.first { throw failure }
  }

  /// Has a group stand or go on, and waits until the kernel says that all in it do.
  static func freeze(
    _ path: String, _ isFrozen: Bool, _ line: borrowing Helper.Line
  ) throws(Failure) {
    let value = isFrozen ? "1" : "0"
    try write(.init(file: freezeFile, value: value), in: path, line)
    let limit = 5 * Time.second
    let done = Time.poll(for: limit) { () -> Bool? in
      let state = ByteText.value(of: "frozen", in: Files.contents(path + "/cgroup.events"))
      // One below a frozen group stays frozen.
      return !isFrozen || state == 1 ? true : nil
    }
    guard done != nil else {
      throw Failure(path + " is not frozen \(limit / Time.second) s after it was told to be")
    }
  }

  /// Lets all go on, so that workers can end.
  mutating func unfreezeAll(_ crew: inout Crew, _ telemetry: inout Telemetry) {
    // Before anybody goes on, who would take the time for a gap.
    crew.note { _ in false }
    for path in frozen {
      do throws(Failure) {
        try Files.write("0", to: path + "/" + Self.freezeFile)
      } catch {
        telemetry.post(error.problem(isFatal: false))
      }
    }
    frozen = []
  }
}
