import Synchronization

/// What a peer did that the backend did not go along with, by kind.
package enum VhostUserRefusal: String, CaseIterable, Hashable, Sendable, Codable {
  /// The header or the length of a message makes no sense.
  case message
  /// A request that is not known, or was not negotiated.
  case request
  /// Too many descriptors, too few, or ones of the wrong kind.
  case descriptors
  /// A feature that was not offered.
  case features
  /// A region that cannot be mapped or does not fit the others.
  case memory
  /// A value of a ring that makes no sense, or a ring that cannot be used as it was set up.
  case ring
  /// A place in the configuration space that cannot be read or written.
  case configuration
  /// An in-flight region that does not fit.
  case inflight
  /// A dirty log that does not fit.
  case log
  /// The frontend does not read what it is sent.
  case notReading
}

/// What a backend did since it was made, over all its connections.
package struct VhostUserCounters: Hashable, Sendable, Codable {
  /// Frontends that said something.
  package internal(set) var frontends: UInt64 = 0
  /// Messages of frontends.
  package internal(set) var messages: UInt64 = 0
  /// Messages that were refused, those that ended a connection included.
  package internal(set) var refusals: [VhostUserRefusal: UInt64] = [:]
  /// Connections that ended because of a refusal.
  package internal(set) var brokenConnections: UInt64 = 0
  /// Kicks, in-band ones included; several that were seen at once count as one.
  package internal(set) var kicks: UInt64 = 0
  /// Calls, in-band ones included.
  package internal(set) var calls: UInt64 = 0
  /// Times that a ring was told to be in error.
  package internal(set) var ringErrors: UInt64 = 0
  /// Tellings of a changed configuration that were sent.
  package internal(set) var configurationChanges: UInt64 = 0
  /// Requests of ours that the frontend did not answer in time, or refused.
  package internal(set) var unansweredRequests: UInt64 = 0
  /// Times that the thread went to sleep.
  package internal(set) var sleeps: UInt64 = 0
  /// Times that work was found by looking for it, without a kick.
  package internal(set) var pollHits: UInt64 = 0

  /// Nothing yet.
  package init() {}

  /// All refusals together.
  package var refusalCount: UInt64 { refusals.values.reduce(0, &+) }
}

/// The live counters of a backend: its thread writes, any thread reads.
package final class VhostUserStatistics: Sendable {
  /// A number with one writer at a time, so that adding needs no locked instruction.
  struct Cell: ~Copyable, Sendable {
    private let value = Atomic<UInt64>(0)

    var current: UInt64 { value.load(ordering: .relaxed) }

    func add(_ count: UInt64 = 1) {
      value.store(current &+ count, ordering: .relaxed)
    }
  }

  let frontends = Cell()
  let messages = Cell()
  let brokenConnections = Cell()
  let kicks = Cell()
  let calls = Cell()
  let ringErrors = Cell()
  let configurationChanges = Cell()
  let unansweredRequests = Cell()
  let sleeps = Cell()
  let pollHits = Cell()
  private let refusals = Mutex<[VhostUserRefusal: UInt64]>([:])

  /// Nothing yet.
  package init() {}

  /// The numbers as they are now.
  package var current: VhostUserCounters {
    var result = VhostUserCounters()
    result.frontends = frontends.current
    result.messages = messages.current
    result.refusals = refusals.withLock { $0 }
    result.brokenConnections = brokenConnections.current
    result.kicks = kicks.current
    result.calls = calls.current
    result.ringErrors = ringErrors.current
    result.configurationChanges = configurationChanges.current
    result.unansweredRequests = unansweredRequests.current
    result.sleeps = sleeps.current
    result.pollHits = pollHits.current
    return result
  }

  func refuse(_ error: VhostUserError) {
    guard let kind = error.refusal else { return }
    refusals.withLock { $0[kind, default: 0] &+= 1 }
  }
}
