import Glibc

/// What a program makes sure of before it does anything else.
package enum ProcessSetup {
  /// Undoes what a careless parent may have left: closed standard descriptors, an ignored SIGCHLD.
  ///
  /// Without the first, a file of ours would become standard output; without the second, no child
  /// could be waited for. SIGPIPE is ignored: a reader that is gone is an error of the write.
  package static func run() {
    for descriptor: CInt in 0...2 where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number is the one that was found closed.
      _ = unsafe open("/dev/null", O_RDWR)
    }
    _ = signal(SIGCHLD, SIG_DFL)
    _ = signal(SIGPIPE, SIG_IGN)
  }
}
