internal import CGuest
internal import GuestLogic
internal import Wire

/// The plan's cgroups, below a work root of their own.
struct Cgroups {
  /// The work root.
  static let root = Mounts.cgroup + "/ktstr"
  private static let limit = 10 * Time.second

  private let groups: [CgroupPlan]
  /// Where workers without a group go.
  ///
  /// A group that hands controllers down may hold no processes
  /// itself (the kernel's no-internal-process rule), so they get a leaf beside the plan's groups.
  private let ungrouped: String

  /// Makes the groups and writes their settings.
  ///
  /// - Throws: ``Failure`` for the first write that the kernel refused.
  init(_ groups: [CgroupPlan]) throws(Failure) {
    self.groups = groups
    let needsLeaf = !Controllers.needed(by: groups).isEmpty
    ungrouped = needsLeaf ? Self.root + "/.ungrouped" : Self.root
    let leaf = ungrouped
    let answer = try Helper.run("set up cgroups", limit: Self.limit) { line in
      do throws(Failure) {
        try Self.setUp(groups, leaf: leaf, line)
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

  private static func setUp(
    _ groups: [CgroupPlan], leaf: String, _ line: borrowing Helper.Line
  ) throws(Failure) {
    let all = Controllers.needed(by: groups)
    try delegate(all, in: Mounts.cgroup, line)
    try Files.makeDirectory(root)
    try delegate(all, in: root, line)
    if !leaf.isSame(as: root) { try Files.makeDirectory(leaf) }
    for group in groups {
      let path = root + "/" + group.path
      line.doing("mkdir " + path)
      try Files.makeDirectory(path)
      try delegate(Controllers.delegated(in: group.path, by: groups), in: path, line)
      for setting in group.settings { try write(setting, in: path, line) }
    }
  }

  /// Hands controllers down to the groups below `path`.
  private static func delegate(
    _ controllers: [String], in path: String, _ line: borrowing Helper.Line
  ) throws(Failure) {
    for name in controllers {
      let file = path + "/cgroup.subtree_control"
      line.doing("write '+" + name + "' to " + file)
      do throws(Failure) {
        try Files.write("+" + name, to: file)
      } catch {
        throw explained(error, path)
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
}
