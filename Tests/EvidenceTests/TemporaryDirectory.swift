import Glibc
import HostOS

/// A directory of a test's own, removed with its content when the test is done with it.
final class TemporaryDirectory {
  let path: String

  init() {
    var template = Array("/tmp/ktstr-test-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
  }

  deinit {
    try? Files.removeTree(path)
  }
}
