import Glibc
import Kernels
import SystemPackage

/// What the kernel commands write: data to standard output, all else to standard error.
enum KernelOutput {
  /// Writes a line for people to standard error.
  static func tell(_ line: String) {
    write(line + "\n", to: 2)
  }

  /// Writes lines of data to standard output.
  static func print(_ text: String) {
    write(text.hasSuffix("\n") ? text : text + "\n", to: 1)
  }

  /// A table with aligned columns; the heading is bold on a terminal.
  static func table(_ kernels: [Kernel]) -> String {
    let heading = ["ID", "RELEASE", "SCHED_EXT", "MODULES", "SIZE", "SOURCE"]
    let rows = kernels.map { kernel in
      let metadata = kernel.metadata
      return [
        metadata.id, metadata.release, yesNo(metadata.schedExt), "\(metadata.moduleCount)",
        size(metadata.sizes.total), metadata.source,
      ]
    }
    let all = [heading] + rows
    let widths = heading.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    let lines = all.map { row in
      let padded = row.enumerated().map { index, cell in
        index == row.count - 1
          ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
      }
      return padded.joined(separator: "  ")
    }
    guard isatty(1) == 1, let first = lines.first else { return lines.joined(separator: "\n") }
    return (["\u{1b}[1m\(first)\u{1b}[0m"] + lines.dropFirst()).joined(separator: "\n")
  }

  /// All that is known of a kernel, a line for each fact.
  static func description(of kernel: Kernel) -> String {
    let metadata = kernel.metadata
    var facts = [
      ("id", metadata.id), ("release", metadata.release), ("version", metadata.version),
      ("flavour", metadata.flavour ?? "unknown"), ("source", metadata.source),
      ("imported", metadata.importedAt), ("sched_ext", yesNo(metadata.schedExt)),
      ("modules", "\(metadata.moduleCount)"), ("sha256", metadata.sha256),
      ("image", file(kernel.image.string, metadata.sizes.image)),
      ("compression", metadata.compression ?? "none"),
      ("elf", file(kernel.elf.string, metadata.sizes.elf)),
      ("btf", kernel.btf.map { file($0.string, metadata.sizes.btf ?? 0) } ?? "none"),
      ("config", kernel.config?.string ?? "none"),
      ("module directory", kernel.modules?.string ?? "none"),
      ("size", size(metadata.sizes.total)),
    ]
    facts += metadata.packages.map { ("package", "\($0.name) \($0.version)") }
    let width = facts.map(\.0.count).max() ?? 0
    return facts.map { name, value in
      name + String(repeating: " ", count: width - name.count) + "  " + value
    }.joined(separator: "\n")
  }

  private static func yesNo(_ value: Bool?) -> String {
    value.map { $0 ? "yes" : "no" } ?? "unknown"
  }

  private static func file(_ path: String, _ bytes: UInt64) -> String {
    "\(path) (\(size(bytes)))"
  }

  private static func size(_ bytes: UInt64) -> String {
    bytes >= 10 << 20 ? "\(bytes >> 20) MiB" : "\(bytes >> 10) KiB"
  }

  private static func write(_ text: String, to descriptor: CInt) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      // A reader that has gone away has seen enough.
      guard written > 0 || (written < 0 && errno == EINTR) else { return }
      bytes = bytes.dropFirst(max(written, 0))
    }
  }
}
