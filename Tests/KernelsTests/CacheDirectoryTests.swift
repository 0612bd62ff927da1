import Kernels
import SystemPackage
import Testing

@Suite struct CacheDirectoryTests {
  private func root(_ variables: [String: String], home: String? = nil) throws -> String {
    try KernelStore.standard(variable: { variables[$0] }, home: { home }).root.string
  }

  @Test func `the cache is XDG's, else below HOME, else below the user's home`() throws {
    #expect(
      try root(["XDG_CACHE_HOME": "/c", "HOME": "/h"], home: "/u") == "/c/ktstr/kernels")
    #expect(try root(["HOME": "/h"], home: "/u") == "/h/.cache/ktstr/kernels")
    #expect(try root([:], home: "/u") == "/u/.cache/ktstr/kernels")
    #expect(
      try root(["XDG_CACHE_HOME": "c", "HOME": ""], home: "/u") == "/u/.cache/ktstr/kernels")
  }

  @Test func `without any home the error says what to set`() throws {
    let error = #expect(throws: KernelError.self) { try root([:]) }
    #expect("\(try #require(error))".contains("set HOME or XDG_CACHE_HOME"))
  }

  @Test func `this user has a home`() throws {
    #expect(try KernelStore.standard().root.isAbsolute)
  }
}
