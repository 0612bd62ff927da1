import GuestMemory
import Virtio

/// The rules for descriptor chains, written down slowly and obviously, and apart from the queue.
///
/// A chain is first followed to its end or to the first thing that is wrong with it; only then is it
/// asked what it contains.
struct ChainModel {
  struct Entry: Hashable {
    var address: UInt64 = 0
    var length: UInt32 = 0
    var flags: UInt16 = 0
    var next: UInt16 = 0

    var hasNext: Bool { flags % 2 == 1 }
    var isWritable: Bool { flags / 2 % 2 == 1 }
    var isIndirect: Bool { flags / 4 % 2 == 1 }
    var isUnknown: Bool { flags >= 8 }
  }

  struct Buffer: Hashable {
    var address: UInt64
    var length: UInt32
  }

  enum Verdict: Equatable {
    case refused(QueueError)
    case accepted(readable: [Buffer], writable: [Buffer])
  }

  /// The table of the queue.
  var table: [Entry]
  /// Indirect tables by their address.
  var indirectTables: [UInt64: [Entry]] = [:]
  var offersIndirect = true
  /// Guest memory goes from 0 up to here.
  var memorySize: UInt64

  func verdict(_ head: UInt16) -> Verdict {
    guard Int(head) < table.count else { return .refused(.headOutOfRange(head)) }
    var buffers: [(Buffer, isWritable: Bool)] = []
    var error: QueueError?
    follow(table, from: Int(head), head: head, isIndirect: false, &buffers, &error)
    if let error { return .refused(error) }
    guard buffers.contains(where: { $0.0.length > 0 }) else {
      return .refused(.emptyChain(head: head))
    }
    let solid = buffers.filter { $0.0.length > 0 }
    return .accepted(
      readable: solid.filter { !$0.isWritable }.map(\.0),
      writable: solid.filter(\.isWritable).map(\.0))
  }

  private func follow(
    _ entries: [Entry], from start: Int, head: UInt16, isIndirect: Bool,
    _ buffers: inout [(Buffer, isWritable: Bool)], _ error: inout QueueError?
  ) {
    var index = start
    var visited = 0
    while true {
      let entry = entries[index]
      visited += 1
      if entry.isUnknown {
        error = .unknownFlags(entry.flags)
        return
      }
      if entry.isIndirect {
        if isIndirect {
          error = .nestedIndirect
        } else {
          followTable(entry, head: head, &buffers, &error)
        }
        return
      }
      if !entry.isWritable && buffers.contains(where: { $0.isWritable }) {
        error = .readableAfterWritable(head: head)
        return
      }
      if entry.length > 0 {
        let (end, wraps) = entry.address.addingReportingOverflow(UInt64(entry.length))
        if wraps || end > memorySize {
          error = .bufferUnmapped(.init(entry.address), byteCount: entry.length)
          return
        }
      }
      buffers.append((Buffer(address: entry.address, length: entry.length), entry.isWritable))
      if !entry.hasNext { return }
      if Int(entry.next) >= entries.count {
        error = .nextOutOfRange(entry.next)
        return
      }
      // Whoever has been everywhere and still goes on has been somewhere twice.
      if visited == entries.count {
        error = .loop(head: head)
        return
      }
      index = Int(entry.next)
    }
  }

  private func followTable(
    _ entry: Entry, head: UInt16, _ buffers: inout [(Buffer, isWritable: Bool)],
    _ error: inout QueueError?
  ) {
    if !offersIndirect {
      error = .indirectNotNegotiated
    } else if entry.hasNext {
      error = .indirectWithNext
    } else if entry.length == 0 || entry.length % 16 != 0 {
      error = .invalidIndirectLength(entry.length)
    } else if let inner = indirectTables[entry.address] {
      let visible = Array(inner.prefix(Int(entry.length) / 16))
      follow(visible, from: 0, head: head, isIndirect: true, &buffers, &error)
    } else {
      error = .indirectUnmapped(.init(entry.address), byteCount: 16)
    }
  }
}
