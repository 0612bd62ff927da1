import Scenario
import Wire

extension Ledger {
  /// Who the task is that the kernel or a scheduler names in a message (`light.1[135] failed to run`);
  /// empty where that is no worker, or not for certain one.
  func culprit(in message: String) -> String {
    let named = workers.filter { Self.names(message, task: scenario.taskName(of: $0.id), pid: nil) }
    // Names of long groups are cut and may then be alike.
    let exact = named.filter {
      Self.names(message, task: scenario.taskName(of: $0.id), pid: $0.pid)
    }
    guard let worker = exact.count == 1 ? exact.first : named.count == 1 ? named.first : nil else {
      return ""
    }
    let task = scenario.taskName(of: worker.id)
    let group = scenario.work[Int(worker.id.work)]
    let cpus = allowedCPUs(of: worker, in: group, nil).map { CPUListText.of($0.words) }
    let bound = cpus.map { ", which must keep to CPUs \($0)" } ?? ""
    // Processes that a worker makes have its name.
    let verb = exact.isEmpty ? "has the name of" : "is"
    return "; \(task) \(verb) \(worker.name)\(home(of: worker, at: lastMonotonic))\(bound)"
  }

  /// Whether a text has a task's name with its number in brackets behind it.
  private static func names(_ message: String, task: String, pid: UInt32?) -> Bool {
    let wanted = Array((task + "[" + (pid.map { "\($0)]" } ?? "")).utf8)
    let text = Array(message.utf8)
    guard text.count >= wanted.count else { return false }
    return (0...text.count - wanted.count).contains { start in
      // A name does not begin in the middle of another.
      (start == 0 || !isNameByte(text[start - 1]))
        && text[start..<start + wanted.count].elementsEqual(wanted)
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

extension Scenario {
  /// The name of a worker's process or thread in the guest: its group's, cut so that `.number` fits
  /// behind it into the kernel's 15 bytes.
  func taskName(of id: WorkerID) -> String {
    let suffix = ".\(id.worker)"
    return String(work[Int(id.work)].name.prefix(15 - suffix.utf8.count)) + suffix
  }
}
