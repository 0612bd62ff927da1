import Boot
import Wire

/// The per-run part of the initramfs: the plan and nothing else.
enum PlanArchive {
  /// The archive's bytes.
  ///
  /// - Throws: ``CpioError`` for a plan of more than 4 GiB.
  static func bytes(plan: [UInt8]) throws(CpioError) -> [UInt8] {
    var archive = CpioWriter()
    try archive.addFile(Plan.guestPath, plan, permissions: 0o400)
    return archive.finish()
  }
}
