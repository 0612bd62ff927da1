import HostOS

extension MachineError {
  /// Runs calls to the host, and says what they were for when one fails.
  ///
  /// - Throws: ``MachineError/host(doing:_:)``.
  static func naming<Result: ~Copyable>(
    _ purpose: String, _ body: () throws(SystemCallError) -> Result
  ) throws(MachineError) -> Result {
    do {
      return try body()
    } catch {
      throw .host(doing: purpose, error)
    }
  }
}
