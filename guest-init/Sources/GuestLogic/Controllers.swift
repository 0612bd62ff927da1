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
        if !names.contains(name) { names.append(name) }
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

  private static func controller(of file: String) -> String? {
    var name: [UInt8] = []
    for byte in file.utf8 {
      if byte == UInt8(ascii: ".") { break }
      name.append(byte)
    }
    let text = String(decoding: name, as: UTF8.self)
    return text == "cgroup" || name.count == file.utf8.count ? nil : text
  }
}
