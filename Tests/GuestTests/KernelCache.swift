import Foundation
import HostOS
import Testing

/// The kernel store that the guests of these tests boot from.
enum KernelCache {
  static var directory: String {
    let environment = ProcessInfo.processInfo.environment
    let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "/root") + "/.cache"
    return cache + "/ktstr/kernels"
  }

  static func release(in kernel: String) throws -> String {
    struct Metadata: Decodable { var release: String }
    let bytes = try Files.read(kernel + "/metadata.json", limit: 1 << 20)
    return try JSONDecoder().decode(Metadata.self, from: Data(bytes)).release
  }
}
