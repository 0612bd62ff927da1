import HostOS
import Kernels
import Testing

@Suite struct DebianVersionTests {
  static let pairs: [(String, String)] = [
    ("6.1.176-1", "6.12.107-1"), ("6.18.9-1", "6.18.15-1"), ("6.18~rc1-1", "6.18-1"),
    ("6.18.15-1~bpo13+1", "6.18.15-1"), ("1:1.0", "2.0"), ("1.0", "1.00"), ("1.0", "1.0a"),
    ("1.0a", "1.0+"), ("6.1.0-50-cloud-amd64", "6.1.0-9-cloud-amd64"), ("7.2.12", "7.2.12+deb13"),
    ("1.2.3", "1.2.3"), ("99999999999999999999999", "100000000000000000000000"), ("1~~", "1~"),
  ]

  @Test(arguments: pairs)
  func `versions are ordered as dpkg orders them`(left: String, right: String) throws {
    for (one, other) in [(left, right), (right, left)] {
      let dpkgSays: Bool
      do {
        _ = try ToolRunner.run(ToolRequest("dpkg", ["--compare-versions", one, "lt", other]))
        dpkgSays = true
      } catch ToolError.failed {
        dpkgSays = false
      }
      #expect((DebianVersion(one) < DebianVersion(other)) == dpkgSays, "\(one) < \(other)")
    }
  }

  @Test func `a beginning ends at the border of a component`() {
    let release = DebianVersion("6.12.107+deb13-cloud-amd64")
    for prefix in ["6", "6.12", "6.12.107", "6.12.", "6.12.107+deb13", release.text] {
      #expect(release.begins(with: prefix), "\(prefix)")
    }
    for prefix in ["", "6.1", "6.12.1", "12", "6.12.107+deb1", "6.12.107+deb13-cloud-amd64-x"] {
      #expect(!release.begins(with: prefix), "\(prefix)")
    }
  }
}
