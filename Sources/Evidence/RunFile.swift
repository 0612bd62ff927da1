/// The files of a run directory.
package enum RunFile: String, Codable, CaseIterable, Sendable {
  /// The scenario exactly as it was given.
  case scenario = "scenario.json"
  /// ``RunIdentity``.
  case identity = "run.json"
  /// What the engine was asked for.
  case machine = "machine.json"
  /// The guest's plan, as it went into the initramfs.
  case plan = "plan.bin"
  /// The telemetry stream, byte for byte.
  case telemetry = "telemetry.bin"
  /// Decoded events, one JSON object a line, with the host time of arrival.
  case events = "events.jsonl"
  /// The kernel console, byte for byte.
  case console = "console.log"
  /// What the engine's process printed.
  case engineLog = "engine.log"
  /// Readings of the device counters, one JSON object a line.
  case counters = "counters.jsonl"
  /// Readings of why vCPUs came back from the guest, one JSON object a line; of our own engine only.
  case exits = "exits.jsonl"
  /// What the scheduler's program wrote, and the kernel's log of sched_ext.
  case schedulerLog = "scheduler.log"
  /// The kernel's dump of a scheduler that it threw out.
  case schedulerDump = "scheduler-dump.txt"
  /// What of the sandbox was in force; of our own engine only.
  case sandbox = "sandbox.json"
  /// Host-side milestones, one JSON object a line.
  case timeline = "timeline.jsonl"
  /// ``RunOutcome``, the last thing that the run's process writes.
  case outcome = "outcome.json"
  /// The verdict.
  case verdict = "verdict.json"
}
