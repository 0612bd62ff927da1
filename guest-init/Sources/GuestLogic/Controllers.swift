package import Wire

/// Which cgroup controllers a plan needs.
package enum Controllers {
  /// Names of the controllers whose files the groups write, each once, in order of appearance.
  ///
  /// A control file's name begins with its controller's; `cgroup.*` files belong to none.
  package static func needed(by cgroups: [CgroupPlan]) -> [String] {
    var names: [String] = []
    for cgroup in cgroups {
      for setting in cgroup.settings {
        guard let name = controller(of: setting.file) else { continue }
        if !names.contains(where: { $0.isSame(as: name) }) { names.append(name) }
      }
    }
    return names
  }

  /// The controllers that must be handed down in a group so that the groups below it get theirs:
  /// what `cgroup.subtree_control` of the group at `path` needs.
  package static func delegated(in path: String, by cgroups: [CgroupPlan]) -> [String] {
    var below: [CgroupPlan] = []
    let prefix = [UInt8]((path + "/").utf8)
    for cgroup in cgroups where cgroup.path.utf8.starts(with: prefix) { below.append(cgroup) }
    return needed(by: below)
  }

  /// The first file that a group writes and whose controller is not among those there; nil when
  /// there is none.
  ///
  /// - Parameter there: what `cgroup.controllers` holds, names with spaces between.
  package static func missing(
    among there: [UInt8], for cgroups: [CgroupPlan]
  ) -> (path: String, file: String)? {
    let names = there.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    for cgroup in cgroups {
      for setting in cgroup.settings {
        guard let name = controller(of: setting.file) else { continue }
        if !names.contains(where: { $0.elementsEqual(name.utf8) }) {
          return (cgroup.path, setting.file)
        }
      }
    }
    return nil
  }

  private static func controller(of file: String) -> String? {
    let pieces = file.pieces(between: ".")
    guard pieces.count > 1, !pieces[0].isSame(as: "cgroup") else { return nil }
    return pieces[0]
  }
}
