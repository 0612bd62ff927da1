package import HostOS

/// How a transport tells the guest's CPUs that it has news.
package protocol InterruptLine: AnyObject, Sendable {
  /// Raises an edge.
  ///
  /// Called on any thread, also with a lock of the transport held: it neither waits nor calls back.
  func signal()
}

/// An event descriptor that can be shared.
package final class SharedEvent: Sendable {
  /// The descriptor.
  package let event: EventFD

  /// Makes one that nobody has signalled.
  ///
  /// - Throws: ``SystemCallError`` from `eventfd`.
  package init() throws(SystemCallError) {
    event = try EventFD()
  }

  /// The descriptor's number, for `KVM_IOEVENTFD` and `KVM_IRQFD`; valid as long as this lives.
  package var raw: CInt { event.raw }
}

/// An interrupt line that is an event descriptor, as KVM's irqfd takes it.
package final class EventInterruptLine: InterruptLine {
  /// What is signalled for each interrupt.
  package let shared: SharedEvent

  /// Makes a line with a descriptor of its own.
  ///
  /// - Throws: ``SystemCallError`` from `eventfd`.
  package init() throws(SystemCallError) {
    shared = try SharedEvent()
  }

  package func signal() {
    shared.event.signal()
  }
}
