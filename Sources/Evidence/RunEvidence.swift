package import Wire

/// Everything that a verdict may see of a run.
package struct RunEvidence: Equatable, Sendable {
  /// What the run was.
  package var identity: RunIdentity
  /// Decoded guest events, in order of arrival.
  package var events: [Event]
  /// How the telemetry stream fared.
  package var stream: StreamHealth
  /// What the kernel console told of trouble.
  package var consoleTrouble: ConsoleTrouble
  /// Last reading of each block device.
  package var devices: [DeviceCounters]
  /// How the run ended; nil when the process that ran it died before it could say.
  package var outcome: RunOutcome?
  /// How far the host kept the guest from running; nil where nobody measured it.
  package var hostNoise: HostNoise?

  /// Makes evidence.
  package init(
    identity: RunIdentity, events: [Event], stream: StreamHealth,
    consoleTrouble: ConsoleTrouble, devices: [DeviceCounters], outcome: RunOutcome?
  ) {
    self.identity = identity
    self.events = events
    self.stream = stream
    self.consoleTrouble = consoleTrouble
    self.devices = devices
    self.outcome = outcome
  }
}

/// How the telemetry stream fared on its way.
package struct StreamHealth: Equatable, Sendable {
  /// Whole frames with a right checksum.
  package var frames = 0
  /// Frames whose payload was damaged.
  package var corruptFrames = 0
  /// Places where sequence numbers are missing or go backwards.
  package var gaps = 0
  /// Bytes that belong to no frame.
  package var garbageBytes = 0
  /// Bytes of a last frame that never became whole.
  package var cutBytes = 0
  /// Frames of a type, or with content, that this build does not read.
  package var unreadableFrames = 0

  /// A stream with nothing in it.
  package init() {}

  /// Whether every frame arrived whole and in order.
  package var isClean: Bool {
    corruptFrames == 0 && gaps == 0 && garbageBytes == 0 && cutBytes == 0
      && unreadableFrames == 0
  }
}
