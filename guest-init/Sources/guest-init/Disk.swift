internal import CGuest
internal import GuestLogic
internal import Wire

/// The scratch disk.
struct Disk {
  /// Its node.
  var path: String
  /// Its size in bytes.
  var size: UInt64

  private static let limit = 5 * Time.second
  private static let driver = "/sys/bus/virtio/drivers/virtio_blk"
  private static let folder = "/sys/block/"

  /// Waits for the disk whose serial number is ``Plan/diskSerial``.
  ///
  /// In a helper, because reading the serial number asks the device.
  ///
  /// - Throws: ``Failure`` when none shows up in time; its text names the disks that did.
  static func find() throws(Failure) -> Disk {
    // Modules are loaded by now: a driver that is not there will not come.
    guard Files.exists(driver) else { throw Failure("no virtio_blk driver in this kernel") }
    let answer = try Helper.run("find the scratch disk", limit: limit + Time.second) { line in
      let name = Time.poll(for: limit) { () -> String? in
        for name in Files.list(folder) where name.begins(with: "vd") {
          line.doing("read the serial number of " + name)
          let serial = ByteText.word(Files.contents(folder + name + "/serial"))
          if serial.isSame(as: Plan.diskSerial) && Files.exists("/dev/" + name) { return name }
        }
        return nil
      }
      if let name { line.answer(name) }
    }
    guard !answer.text.isEmpty else {
      var seen = ""
      for name in Files.list(folder) { seen += " " + name }
      throw Failure(
        "no disk with serial number " + Plan.diskSerial + " within \(limit / Time.second) s; "
          + (seen.isEmpty ? "no disks at all" : "disks:" + seen))
    }
    let sectors = ByteText.numbers(Files.contents(folder + answer.text + "/size")).first ?? 0
    return Disk(path: "/dev/" + answer.text, size: sectors.multipliedReportingOverflow(by: 512).0)
  }
}
