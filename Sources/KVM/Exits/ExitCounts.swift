/// How often a vCPU came back from the guest, and for what: a copy of its ``ExitStatistics``.
package struct ExitCounts: Hashable, Sendable, Codable {
  /// Which way an access goes.
  package enum Direction: String, Hashable, Sendable, Codable {
    case read
    case write
  }

  /// The exits of one reason.
  package struct Reason: Hashable, Sendable, Codable {
    /// ``VCPUExit/reasonName``.
    package var name: String
    package var count: UInt64

    /// A reason that occurred.
    package init(name: String, count: UInt64) {
      self.name = name
      self.count = count
    }
  }

  /// The exits for one port or address and direction.
  package struct Access: Hashable, Sendable, Codable {
    /// The port or guest physical address.
    package var address: UInt64
    package var direction: Direction
    package var count: UInt64

    /// A port or address that was accessed.
    package init(address: UInt64, direction: Direction, count: UInt64) {
      self.address = address
      self.direction = direction
      self.count = count
    }
  }

  /// Reasons that occurred, in the order of ``VCPUExit/reasonNames``.
  package var reasons: [Reason] = []
  /// Ports that were accessed, most often first.
  package var ports: [Access] = []
  /// Addresses that were accessed, most often first.
  package var addresses: [Access] = []
  /// Port accesses that found no place in the table.
  package var otherPorts: UInt64 = 0
  /// Address accesses that found no place in the table.
  package var otherAddresses: UInt64 = 0

  /// No exit at all.
  package init() {}

  /// Returns to this process of whatever reason.
  package var total: UInt64 { reasons.reduce(0) { $0 &+ $1.count } }

  /// How often it returned for one reason.
  package func count(of name: String) -> UInt64 {
    reasons.first { $0.name == name }?.count ?? 0
  }

  /// How often a port was accessed.
  package func count(port: UInt16, _ direction: Direction) -> UInt64 {
    ports.first { $0.address == UInt64(port) && $0.direction == direction }?.count ?? 0
  }

  /// How often an address was accessed.
  package func count(address: UInt64, _ direction: Direction) -> UInt64 {
    addresses.first { $0.address == address && $0.direction == direction }?.count ?? 0
  }
}

extension VCPUExit {
  /// What reports call the reasons, by ``reasonIndex``.
  package static let reasonNames = [
    "port read", "port write", "mmio read", "mmio write", "hlt", "shutdown", "failed entry",
    "internal error", "system event", "ioapic eoi", "interrupted", "unknown",
  ]

  /// What reports call this reason.
  package var reasonName: String { Self.reasonNames[reasonIndex] }

  /// A number for the reason, below ``reasonNames``' count.
  var reasonIndex: Int {
    switch self {
    case .portRead: 0
    case .portWrite: 1
    case .mmioRead: 2
    case .mmioWrite: 3
    case .halted: 4
    case .shutdown: 5
    case .failedEntry: 6
    case .internalError: 7
    case .systemEvent: 8
    case .endOfInterrupt: 9
    case .interrupted: 10
    case .unknown: 11
    }
  }
}
