/// The way from the root of a JSON text to one of its values, such as `work[1].workers`.
///
/// A key that is not a plain word is written in brackets: `cgroups[0]["cpu.max"]`.
package struct JSONPath: Hashable, Sendable, CustomStringConvertible {
  /// One step into a value.
  package enum Step: Hashable, Sendable {
    /// Into the member of an object.
    case key(String)
    /// Into an element of an array, counted from 0.
    case index(Int)
  }

  /// The steps from the root.
  package private(set) var steps: [Step]

  /// Makes a path; without steps it is the root.
  package init(_ steps: [Step] = []) {
    self.steps = steps
  }

  /// Whether this is the root.
  package var isRoot: Bool { steps.isEmpty }

  /// The path one member further.
  package func appending(_ key: String) -> JSONPath {
    JSONPath(steps + [.key(key)])
  }

  /// The path one element further.
  package func appending(_ index: Int) -> JSONPath {
    JSONPath(steps + [.index(index)])
  }

  package var description: String {
    var text = ""
    for step in steps {
      switch step {
      case .index(let index):
        text += "[\(index)]"
      case .key(let key) where Self.isPlain(key):
        text += text.isEmpty ? key : ".\(key)"
      case .key(let key):
        text += "[\(Quoting.quoted(key))]"
      }
    }
    return text
  }

  private static func isPlain(_ key: String) -> Bool {
    !key.isEmpty
      && key.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"):
          true
        default:
          false
        }
      }
  }
}

extension JSONPath {
  /// Reads a path as ``description`` writes it; nil when it is none.
  package init?(_ text: String) {
    var steps: [Step] = []
    var rest = Substring(text)
    while let first = rest.first {
      if first == "[" {
        rest.removeFirst()
        guard let step = Self.bracketed(&rest) else { return nil }
        steps.append(step)
      } else {
        if first == "." {
          guard !steps.isEmpty else { return nil }
          rest.removeFirst()
        } else if !steps.isEmpty {
          return nil
        }
        let key = rest.prefix { $0 != "." && $0 != "[" }
        guard !key.isEmpty else { return nil }
        steps.append(.key(String(key)))
        rest.removeFirst(key.count)
      }
    }
    self.init(steps)
  }

  /// Reads `7]` or `"cpu.max"]`.
  private static func bracketed(_ rest: inout Substring) -> Step? {
    if rest.first == "\"" {
      rest.removeFirst()
      var key = ""
      while let next = rest.popFirst() {
        if next == "\"" {
          guard rest.popFirst() == "]" else { return nil }
          return .key(key)
        }
        if next == "\\", let escaped = rest.popFirst() {
          key.append(escaped)
        } else {
          key.append(next)
        }
      }
      return nil
    }
    let digits = rest.prefix { $0 != "]" }
    rest.removeFirst(digits.count)
    guard rest.popFirst() == "]", let index = Int(digits), index >= 0 else { return nil }
    return .index(index)
  }
}
