package import Evidence
import FoundationEssentials
import Glibc
import HostOS
import Machine
import Programs

/// How an exec ended, and where its run directory is if that was kept.
package struct ExecResult: Sendable {
  /// How it ended.
  package var outcome: ExecOutcome
  /// The run directory; nil once it is removed.
  package var directory: RunDirectory?
}

/// Runs programs of the host in guests.
package struct ExecRunner: Sendable {
  /// What the process may take beyond its own limit before it is killed.
  private static let grace: UInt64 = 10_000_000_000

  private let preparation: Preparation
  private let supervisor: Supervisor

  /// Makes a runner; do it on the main thread, before any other is started.
  package init(preparation: Preparation, supervisor: Supervisor) {
    self.preparation = preparation
    self.supervisor = supervisor
  }

  /// Runs one program; its streams are those of this process.
  ///
  /// - Parameter note: told what an included program lacks, before anything boots.
  /// - Throws: ``ExecRefusal`` or what else keeps the guest from starting.
  package func run(_ order: ExecOrder, note: (String) -> Void) throws -> ExecResult {
    let prepared = try ExecPreparation(preparation: preparation).prepare(order)
    prepared.shortcomings.forEach(note)
    if supervisor.wasInterrupted { return ExecResult(outcome: .interrupted, directory: nil) }
    let parentIsNew = try Files.status(of: order.output) == nil
    var request = prepared.request
    var result = try attempt(prepared, request, order, note: note)
    if case .engineFault(let line, streamsAreUntouched: true) = result.outcome {
      note("the engine's software CPU is at fault, not the guest: \(line); trying again")
      try discard(&result)
      // The fault is one of several host threads.
      request.machine.threading = .single
      result = try attempt(prepared, request, order, note: note)
    }
    if !order.keep, !result.outcome.isFailure {
      try discard(&result)
      if parentIsNew { unsafe _ = rmdir(order.output) }
    }
    return result
  }

  private func discard(_ result: inout ExecResult) throws {
    guard let directory = result.directory else { return }
    try Files.removeTree(directory.path)
    result.directory = nil
  }

  private func attempt(
    _ prepared: borrowing PreparedExec, _ request: ExecRequest, _ order: ExecOrder,
    note: (String) -> Void
  ) throws -> ExecResult {
    let name = GuestPath.name(of: order.command[0])
    let directory = try RunDirectory.create(
      in: order.output, time: Timestamp.compact(Date()), name: "exec-\(Self.plain(name))",
      runID: Hexadecimal.text(UInt64.random(in: .min ... .max)))
    var result = ExecResult(outcome: .interrupted, directory: directory)
    result.outcome = try outcome(of: prepared, request, in: directory, note: note)
    return result
  }

  private func outcome(
    of prepared: borrowing PreparedExec, _ request: ExecRequest, in directory: RunDirectory,
    note: (String) -> Void
  ) throws -> ExecOutcome {
    try directory.write(json: request, to: .machine)
    try directory.write(prepared.plan, to: .plan)
    let limit = request.totalNanoseconds?.saturatingAdd(Self.grace) ?? .max
    let end = try supervisor.run(
      ["exec-process", "--", directory.path],
      descriptors: [
        .init(0, to: 0), .init(1, to: 1), .init(2, to: 2),
        .init(prepared.initramfs.raw, to: ExecRequest.initramfsDescriptor),
      ],
      sharesTerminal: true, limitNanoseconds: limit
    ) { event in
      if case .warning(let text) = event { note(text) }
    }
    switch end {
    case .completed:
      return try directory.read(json: ExecOutcome.self, from: .outcome)
        ?? .failed("the exec's process wrote no outcome")
    case .failed(let text): return .failed(text)
    case .died(let status):
      return .failed("the exec's process \(SupervisedEnd.death(status, in: directory))")
    case .overdue: return .timedOut
    case .interrupted: return .interrupted
    }
  }

  /// A name as a part of a file's name.
  private static func plain(_ name: String) -> String {
    String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }.prefix(32))
  }
}

extension ExecOutcome {
  /// Whether somebody will want to see the console.
  var isFailure: Bool {
    switch self {
    case .failed, .timedOut, .engineFault: true
    default: false
    }
  }
}
