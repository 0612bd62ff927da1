import Glibc
import GuestMemory

// The file is read straight into guest memory, so the chain cannot know what was written where.
extension BlockWorker where Engine: ~Copyable {
  /// Marks what the operation under way has written, before its buffers are dropped.
  ///
  /// Nothing happens unless the memory keeps track of writes.
  func markMoved(_ index: Int, _ result: Int) {
    guard case .read = slots[index].operation.action, result > 0, place.isOccupied,
      place.queue.tracksDirty
    else { return }
    unsafe slots[index].data.forEachBuffer(upTo: result) { base, count in
      unsafe place.queue.view.markDirty(host: base, count: count)
    }
  }

  /// Marks a byte that was just stored.
  func markByte(_ byte: GuestByte) {
    guard place.isOccupied, place.queue.tracksDirty, let base = unsafe byte.unsafeAddress else {
      return
    }
    unsafe place.queue.view.markDirty(host: base, count: 1)
  }
}

extension IOVecList {
  /// Hands over the buffers that the first `length` bytes lie in, each as far as they reach.
  @unsafe func forEachBuffer(
    upTo length: Int, _ body: (UnsafeMutableRawPointer, Int) -> Void
  ) {
    var left = length
    var index = 0
    while index < count && left > 0 {
      let size = unsafe min(left, unsafeStart[index].iov_len)
      if let base = unsafe unsafeStart[index].iov_base { unsafe body(base, size) }
      left -= size
      index += 1
    }
  }
}
