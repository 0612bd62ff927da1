import HostOS
import Virtio

/// Wakes the backend's thread when the device says that its configuration has changed.
final class ConfigurationSignal: ConfigurationObserver {
  let event: EventFD

  init() throws(SystemCallError) {
    event = try EventFD()
  }

  func configurationChanged() {
    event.signal()
  }
}
