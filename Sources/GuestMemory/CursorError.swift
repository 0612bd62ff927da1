/// What can be wrong with a step of a reader or a writer.
package enum CursorError: Error, Hashable, Sendable {
  /// Fewer bytes are left than the step takes; the cursor did not move.
  case tooShort(needed: Int, left: Int)
  /// The word at the cursor would not be aligned; the cursor did not move.
  case misaligned(alignment: Int)
  /// What is left is not a whole number of elements; the cursor did not move.
  case notWhole(elementSize: Int, left: Int)
  /// A page is missing at `hostAddress`. `completed` bytes did move before it, and where the step is
  /// one that moves bytes, its cursors by exactly that.
  case fault(completed: Int, hostAddress: UInt)
  /// The range is not one that a process can have memory in.
  case notUserMemory(hostAddress: UInt, count: Int)
  /// This process cannot catch faults.
  case noFaultHandler
}
