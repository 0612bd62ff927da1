internal import CGuest
internal import GuestLogic
internal import Wire

/// Loads the modules that the host listed, in its order.
enum Modules {
  /// A probe of a dead device may hold a module's loading for ever.
  private static let limit = 20 * Time.second
  private static let alreadyLoaded: Int32 = -17

  /// Loads all; returns what could not be loaded.
  ///
  /// A guest without a list has none to load.
  static func loadAll() -> [Failure] {
    load(ByteText.lines(Files.contents(Plan.moduleListPath)))
  }

  /// Loads these files, in order; returns what could not be loaded.
  static func load(_ paths: [String]) -> [Failure] {
    guard !paths.isEmpty else { return [] }
    do throws(Failure) {
      return try Helper.run("load modules", limit: limit) { line in
        for path in paths { load(path, line) }
      }.problems
    } catch {
      return [error]
    }
  }

  private static func load(_ path: String, _ line: borrowing Helper.Line) {
    let what = "load module " + path
    line.doing(what)
    let descriptor = unsafe guest_open(path, Int32(guest_read_only))
    guard descriptor >= 0 else {
      line.problem(Failure(what, result: Int(descriptor)))
      return
    }
    let result = guest_load_module(descriptor, path.ends(with: ".ko") ? 0 : 1)
    if result < 0 && result != alreadyLoaded {
      line.problem(Failure(what, result: Int(result)))
    }
    guest_close(descriptor)
  }
}
