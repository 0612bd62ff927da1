import Glibc

@main struct KtstrFuzz {
  static func main() {
    var options = FuzzRun.Options()
    var name: String?
    for argument in CommandLine.arguments.dropFirst() {
      let parts = argument.split(separator: "=", maxSplits: 1)
      let value = parts.count == 2 ? String(parts[1]) : ""
      switch parts.first {
      case "--folder": options.folder = value
      case "--operations": options.operations = Int(value) ?? options.operations
      case "--cpu-seconds": options.cpuSeconds = Double(value) ?? options.cpuSeconds
      case "--seed": options.seed = UInt64(value) ?? options.seed
      default:
        if name == nil && !argument.hasPrefix("-") {
          name = argument
        } else {
          options.rest.append(argument)
        }
      }
    }
    if name == "list" {
      for target in FuzzTarget.all { print(target.name) }
      exit(0)
    }
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
      print("usage: ktstr-fuzz TARGET [--operations=N] [--cpu-seconds=S] [--seed=N]")
      print("                  [--folder=DIR] [libFuzzer options] [INPUT...]")
      print("targets: " + FuzzTarget.all.map(\.name).joined(separator: " "))
      exit(2)
    }
    do {
      exit(try FuzzRun.start(target, options))
    } catch {
      fail("\(error)")
    }
  }
}
