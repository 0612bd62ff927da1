/// Why a set of modules cannot be loaded.
package enum ModuleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A module that was asked for, or that another one needs, is neither a file nor built in.
  case missing(ModuleName, neededBy: ModuleName?)
  /// Modules need each other in a circle that contains this one.
  case circular(ModuleName)
  /// A line of modules.dep is not `path: path ...`.
  case badLine(number: Int, text: String)

  package var description: String {
    switch self {
    case .missing(let name, nil): "no module \(name)"
    case .missing(let name, let user?): "no module \(name), which \(user) needs"
    case .circular(let name): "module \(name) needs itself in a circle"
    case .badLine(let number, let text): "modules.dep line \(number) makes no sense: '\(text)'"
    }
  }
}

/// What needs what among a kernel's modules, and which of them are part of the kernel itself.
package struct ModuleDependencies: Hashable, Sendable {
  /// One module that is a file.
  package struct Entry: Hashable, Sendable {
    /// Its path relative to the module directory, such as `kernel/drivers/block/virtio_blk.ko.xz`.
    package let path: String
    /// What must be loaded before it; what those need is followed too.
    package let needs: [ModuleName]

    /// Names one module.
    package init(path: String, needs: [ModuleName]) {
      self.path = path
      self.needs = needs
    }
  }

  private var entries: [ModuleName: Entry] = [:]
  private var builtIn: Set<ModuleName> = []

  /// Makes it from what is known of each module.
  ///
  /// - Parameters:
  ///   - entries: The modules that are files.
  ///   - builtin: The text of modules.builtin: one path a line.
  package init(entries: [ModuleName: Entry], builtin: String = "") {
    self.entries = entries
    for line in builtin.split(whereSeparator: \.isNewline) where !line.isEmpty {
      builtIn.insert(ModuleName(line))
    }
  }

  /// Makes it from depmod's output.
  ///
  /// - Parameters:
  ///   - modulesDep: The text of modules.dep: `path: path ...` lines.
  ///   - builtin: The text of modules.builtin: one path a line.
  /// - Throws: ``ModuleError/badLine(number:text:)``.
  package init(modulesDep: String, builtin: String = "") throws(ModuleError) {
    var entries: [ModuleName: Entry] = [:]
    let lines = modulesDep.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() where !line.isEmpty {
      guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
        throw .badLine(number: index + 1, text: String(line.prefix(80)))
      }
      let path = String(line[..<colon])
      let needs = line[line.index(after: colon)...].split(separator: " ").map { ModuleName($0) }
      entries[ModuleName(path)] = Entry(path: path, needs: needs)
    }
    self.init(entries: entries, builtin: builtin)
  }

  /// Whether the kernel has this built in, and so needs no file for it.
  package func isBuiltIn(_ name: ModuleName) -> Bool {
    entries[name] == nil && builtIn.contains(name)
  }

  /// The module files to load for the wanted ones: each once, after all that it needs.
  ///
  /// Built-in modules are left out.
  ///
  /// - Throws: ``ModuleError``.
  package func loadOrder(for wanted: [ModuleName]) throws(ModuleError) -> [Entry] {
    var order: [Entry] = []
    var done: Set<ModuleName> = []
    for name in wanted {
      try visit(name, neededBy: nil, order: &order, done: &done)
    }
    return order
  }

  /// Depth first with a stack of our own: a hostile modules.dep may be deeper than our thread's.
  private func visit(
    _ root: ModuleName, neededBy: ModuleName?, order: inout [Entry], done: inout Set<ModuleName>
  ) throws(ModuleError) {
    var stack: [(name: ModuleName, entry: Entry, next: Int)] = []
    var open: Set<ModuleName> = []
    var pending: (name: ModuleName, user: ModuleName?)? = (root, neededBy)
    while true {
      if let (name, user) = pending {
        pending = nil
        if open.contains(name) { throw .circular(name) }
        if !done.contains(name) {
          if let entry = entries[name] {
            open.insert(name)
            stack.append((name, entry, 0))
          } else if !builtIn.contains(name) {
            throw .missing(name, neededBy: user)
          }
        }
      }
      guard let top = stack.last else { return }
      // modules.dep names the whole closure, nearest first; the last one must be loaded first.
      if top.next < top.entry.needs.count {
        let need = top.entry.needs[top.entry.needs.count - 1 - top.next]
        stack[stack.count - 1].next += 1
        pending = (need, top.name)
      } else {
        stack.removeLast()
        open.remove(top.name)
        done.insert(top.name)
        order.append(top.entry)
      }
    }
  }
}
