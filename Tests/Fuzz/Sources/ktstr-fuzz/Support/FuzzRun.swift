import CFuzzer
import Glibc
import HostOS

/// One run of one target under libFuzzer, up to a number of operations or of CPU seconds.
///
/// libFuzzer takes a plain C function without context and calls it on the one thread that started
/// it, so the state of the run is global and nothing locks it.
enum FuzzRun {
  struct Options {
    /// Where corpus and findings go.
    var folder = ".build/fuzz"
    var operations = 10_000_000
    var cpuSeconds = 600.0
    var seed: UInt64 = 1
    /// Handed to libFuzzer as they are.
    var rest: [String] = []
  }

  private struct State {
    var target: FuzzTarget
    var limit: Options
    var stopFile: String
    var operations = 0
    var runs = 0
    var isStopped = false
    var descriptors = 0
    var fileMappings = 0
  }

  nonisolated(unsafe) private static var state: State?

  /// Runs the target; the status to exit with.
  static func start(_ target: FuzzTarget, _ options: Options) throws -> CInt {
    let folder = options.folder + "/" + target.name
    let corpus = folder + "/corpus"
    let stopFile = folder + "/stop"
    try Files.makeDirectories(corpus)
    unlink(stopFile)
    try writeSeeds(target, options.seed, to: corpus)
    state = State(target: target, limit: options, stopFile: stopFile)

    // Given inputs are run once each, without the budget's stop file and without a corpus.
    let replays = options.rest.contains { !$0.hasPrefix("-") }
    var arguments = [CommandLine.arguments[0], "-artifact_prefix=\(folder)/"]
    arguments += ["-max_len=\(target.maximumInput)", "-rss_limit_mb=2048", "-timeout=20"]
    arguments += ["-print_funcs=0"]
    arguments += ["-seed=\(UInt32(truncatingIfNeeded: options.seed))"]
    if !replays { arguments += ["-stop_file=\(stopFile)", "-verbosity=0", corpus] }
    // libFuzzer leaves by `exit` at the end of its work, not by returning.
    atexit { FuzzRun.report() }
    return drive(arguments + options.rest)
  }

  private static func report() {
    guard let state else { return }
    unlink(state.stopFile)
    let seconds = (Double(clock()) / Double(CLOCKS_PER_SEC) * 10).rounded() / 10
    print(
      "fuzz \(state.target.name): \(state.operations) operations in \(state.runs) inputs,",
      "\(seconds) CPU s, seed \(state.limit.seed)")
  }

  private static func drive(_ arguments: [String]) -> CInt {
    var list: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    // Kept: libFuzzer may hold on to them.
    let count = list.count
    let kept = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: count)
    kept.initialize(from: &list, count: count)
    var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = kept
    var number = CInt(arguments.count)
    return LLVMFuzzerRunDriver(&number, &pointer) { data, size in
      FuzzRun.runOne([UInt8](UnsafeBufferPointer(start: data, count: size)))
      return 0
    }
  }

  private static func runOne(_ bytes: [UInt8]) {
    guard let target = state?.target else { return }
    var input = FuzzInput(bytes)
    do {
      state?.operations += try target.run(&input)
    } catch {
      fail("\(target.name): \(error)")
    }
    state?.runs += 1
    account()
  }

  /// Looks for leaked descriptors and mappings now and then, and for the end of the budget.
  private static func account() {
    guard var current = state, !current.isStopped else { return }
    if current.runs == 256 || current.runs % 8192 == 0 {
      let descriptors = HostResources.openDescriptors()
      let mappings = HostResources.fileMappings()
      if current.runs == 256 {
        current.descriptors = descriptors
        current.fileMappings = mappings
      }
      // A few more are the fuzzer's own: files of its corpus that it has open at the moment.
      check(descriptors <= current.descriptors + 8, "\(descriptors) descriptors are open")
      check(mappings <= current.fileMappings + 8, "\(mappings) files are mapped")
    }
    if current.runs % 64 == 0 {
      let seconds = Double(clock()) / Double(CLOCKS_PER_SEC)
      if current.operations >= current.limit.operations || seconds >= current.limit.cpuSeconds {
        try? Files.write(Array("stop".utf8), to: current.stopFile)
        current.isStopped = true
      }
    }
    state = current
  }

  private static func writeSeeds(_ target: FuzzTarget, _ seed: UInt64, to folder: String) throws {
    var generator = SplitMix64(seed: seed)
    var inputs = target.seeds()
    for length in [8, 32, 64, 128, 256, 512] where length <= target.maximumInput {
      inputs.append((0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
      // Small numbers are the usual operations with the usual values.
      inputs.append((0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next() % 24) })
    }
    for (index, bytes) in inputs.enumerated() {
      try Files.write(bytes, to: folder + "/seed-\(index)")
    }
  }
}
