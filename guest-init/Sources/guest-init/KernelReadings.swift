internal import CGuest
internal import GuestLogic
internal import Wire

/// Tells the host what the kernel has counted, at a border of the measured window.
enum KernelReadings {
  /// Reads what is cheap to read, and tells it with the next flush.
  static func report(_ moment: KernelReading.Moment, _ telemetry: inout Telemetry) {
    let now = Time.now
    var cpus = KernelTexts.cpuTimes(Files.contents("/proc/stat", limit: 1 << 20))[...]
    while !cpus.isEmpty {
      let piece = cpus.prefix(CPUTimes.maximumCount)
      cpus = cpus.dropFirst(piece.count)
      telemetry.post(
        .kernelReading(KernelReading(moment: moment, monotonic: now, what: .cpus(Array(piece)))))
    }
  }
}
