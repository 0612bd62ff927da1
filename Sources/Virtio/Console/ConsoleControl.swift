/// What both sides know of the ports, and what the driver is still to be told.
///
/// What is to be told is kept as facts, not as a list: however often something changes while the
/// driver has no room for messages, there is one message for it, with what is true when it goes.
struct ConsoleControl: Sendable {
  /// What the driver is to be told of a port, in the order in which it goes.
  struct Pending: OptionSet, Sendable {
    let rawValue: UInt8

    static let remove = Pending(rawValue: 1)
    static let add = Pending(rawValue: 2)
    static let console = Pending(rawValue: 4)
    static let open = Pending(rawValue: 8)
    static let resize = Pending(rawValue: 16)
    static let name = Pending(rawValue: 32)

    static let inOrder: [Pending] = [.remove, .add, .console, .open, .resize, .name]
  }

  struct Port: Sendable {
    let name: [UInt8]
    let isConsole: Bool
    var columns: UInt16
    var rows: UInt16
    /// The device has it.
    var isPresent = true
    /// The driver was told of it.
    var isAnnounced = false
    /// The driver has taken it.
    var isReady = false
    var isGuestOpen = false
    var isHostOpen = true
    var pending: Pending = []
  }

  var ports: [Port]
  /// Whether the driver knows of several ports; nil while there is no driver.
  var isMultiport: Bool?
  var isDriverReady = false
  /// Raised with each change of the size of port 0, which stands in the configuration space.
  var generation: UInt32 = 0

  /// Whether data moves through a port.
  func isOpen(_ index: Int) -> Bool {
    switch isMultiport {
    case true: ports[index].isReady && ports[index].isGuestOpen
    case false: index == 0
    case nil: false
    }
  }

  var hasPending: Bool { isMultiport == true && ports.contains { !$0.pending.isEmpty } }

  /// Takes the next message that has at most `room` bytes; nil when the next one is longer, or
  /// there is none.
  mutating func takeMessage(room: Int) -> [UInt8]? {
    for index in ports.indices {
      guard let next = Pending.inOrder.first(where: { ports[index].pending.contains($0) }) else {
        continue
      }
      let bytes = encode(next, index)
      guard bytes.count <= room else { return nil }
      ports[index].pending.remove(next)
      if next == .add { ports[index].isAnnounced = true }
      if next == .remove { forget(index) }
      return bytes
    }
    return nil
  }

  /// The driver has nothing to do with a port any more, but may be told that it is back.
  private mutating func forget(_ index: Int) {
    ports[index].isAnnounced = false
    ports[index].isReady = false
    ports[index].isGuestOpen = false
    ports[index].pending.formIntersection(.add)
  }

  private func encode(_ what: Pending, _ index: Int) -> [UInt8] {
    let port = ports[index]
    func message(_ event: ConsoleMessage.Event, _ value: UInt16) -> [UInt8] {
      // A device has a few ports.
      ConsoleMessage(port: UInt32(truncatingIfNeeded: index), event, value: value).bytes
    }
    switch what {
    case .remove: return message(.portRemove, 1)
    case .add: return message(.portAdd, 1)
    case .console: return message(.consolePort, 1)
    case .open: return message(.portOpen, port.isHostOpen ? 1 : 0)
    case .resize:
      return message(.resize, 0) + ConsoleMessage.bytes(UInt32(port.columns), 2)
        + ConsoleMessage.bytes(UInt32(port.rows), 2)
    default: return message(.portName, 1) + port.name
    }
  }

  /// Goes back to what is true without a driver.
  mutating func reset() {
    isMultiport = nil
    isDriverReady = false
    for index in ports.indices {
      ports[index].pending = []
      forget(index)
    }
  }

  // MARK: From the driver

  /// What a message from the driver did.
  struct Effect {
    /// What to count about it, for the device and for the port.
    var event: ConsoleEvent?
    var portEvent: ConsolePortEvent?
    /// The port whose data queues are to have a look.
    var changedPort: Int?
  }

  mutating func handle(_ message: ConsoleMessage) -> Effect {
    switch ConsoleMessage.Event(rawValue: message.event) {
    case .deviceReady: deviceReady(message.value)
    case .portReady: withPort(message) { $0.portReady($1, message.value) }
    case .portOpen: withPort(message) { $0.portOpen($1, message.value) }
    case .portAdd, .portRemove, .consolePort, .resize, .portName, nil:
      Effect(event: .unknownEvent)
    }
  }

  private mutating func withPort(
    _ message: ConsoleMessage, _ body: (inout ConsoleControl, Int) -> Effect
  ) -> Effect {
    guard let index = Int(exactly: message.port), ports.indices.contains(index) else {
      return Effect(event: .unknownPort)
    }
    guard ports[index].isAnnounced, ports[index].isPresent else {
      return Effect(event: .unexpectedMessage)
    }
    return body(&self, index)
  }

  private mutating func deviceReady(_ value: UInt16) -> Effect {
    guard value == 1 else {
      isDriverReady = false
      for index in ports.indices {
        ports[index].pending = []
        forget(index)
      }
      return Effect(event: .driverFailure)
    }
    guard !isDriverReady else { return Effect(event: .repeatedMessage) }
    isDriverReady = true
    for index in ports.indices where ports[index].isPresent { ports[index].pending = .add }
    return Effect()
  }

  private mutating func portReady(_ index: Int, _ value: UInt16) -> Effect {
    guard value == 1 else {
      ports[index].isReady = false
      ports[index].isGuestOpen = false
      return Effect(event: .portFailure)
    }
    guard !ports[index].isReady else { return Effect(event: .repeatedMessage) }
    ports[index].isReady = true
    if ports[index].isConsole { ports[index].pending.formUnion([.console, .resize]) }
    if ports[index].isHostOpen { ports[index].pending.insert(.open) }
    if !ports[index].name.isEmpty { ports[index].pending.insert(.name) }
    return Effect()
  }

  private mutating func portOpen(_ index: Int, _ value: UInt16) -> Effect {
    guard ports[index].isReady else { return Effect(event: .unexpectedMessage) }
    let isOpen = value != 0
    guard ports[index].isGuestOpen != isOpen else { return Effect(event: .repeatedMessage) }
    ports[index].isGuestOpen = isOpen
    return Effect(portEvent: isOpen ? .opened : .closed, changedPort: index)
  }
}
