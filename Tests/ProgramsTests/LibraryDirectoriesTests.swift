import Programs
import Testing

@Suite struct LibraryDirectoriesTests {
  private let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory()
  }

  @Test func `includes, comments and separators are read, the defaults come last`() throws {
    try scratch.write("conf.d/b.conf", "/from/b # words\n")
    try scratch.write("conf.d/a.conf", "/from/a/\n/from/b\n")
    try scratch.write("conf.d/ignored.txt", "/not/this\n")
    let file = try scratch.write(
      "ld.so.conf",
      "# nothing\ninclude conf.d/*.conf\nhwcap 0 nosegneg\n/one:/two, /three\nrelative\n")
    let paths = LibraryDirectories(configuration: file).paths
    #expect(paths.prefix(5) == ["/from/a", "/from/b", "/one", "/two", "/three"])
    #expect(paths[5] == "/lib/x86_64-linux-gnu")
    #expect(paths.last == "/usr/lib")
  }

  @Test func `a configuration that includes itself, or is not there, ends`() throws {
    let file = try scratch.write("ld.so.conf", "/one\ninclude ld.so.conf\n")
    #expect(LibraryDirectories(configuration: file).paths.first == "/one")
    #expect(LibraryDirectories(configuration: "/none").paths.first == "/lib/x86_64-linux-gnu")
  }
}
