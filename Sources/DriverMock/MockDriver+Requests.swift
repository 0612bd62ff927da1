import GuestMemory

extension MockDriver {
  /// Lays out a request in descriptors of the table, without offering it.
  package func place(_ segments: [Segment]) throws -> Request {
    try placeMixed(segments, indirect: [])
  }

  /// Lays out a request in an indirect table, which may lie at an odd address.
  package func placeIndirect(_ segments: [Segment], misalignedBy shift: UInt64 = 0) throws
    -> Request
  {
    try placeMixed([], indirect: segments, misalignedBy: shift)
  }

  /// Lays out a request of descriptors of the table, of which a last one points to an indirect table
  /// when there are segments for that (virtio 1.2, 2.7.5.3.1).
  package func placeMixed(
    _ plain: [Segment], indirect: [Segment], misalignedBy shift: UInt64 = 0
  ) throws -> Request {
    let needed = plain.count + (indirect.isEmpty ? 0 : 1)
    guard needed > 0 else { throw Failure.emptyRequest }
    if needed > free.count { try recycleUsed() }
    guard needed <= free.count else {
      throw Failure.noDescriptors(free: free.count, needed: needed)
    }
    var request = Request(head: free[0], writable: [], descriptors: Array(free[..<needed]))
    do {
      for (index, segment) in plain.enumerated() {
        let more = index + 1 < needed
        let bytes = try fill(
          segment, &request, next: more ? request.descriptors[index + 1] : 0, more: more)
        try write(bytes, descriptor: request.descriptors[index])
      }
      if let last = request.descriptors.last, !indirect.isEmpty {
        let table = try fillTable(indirect, &request, misalignedBy: shift)
        try setDescriptor(
          last, table, UInt32(16 * indirect.count), Self.indirect, 0)
      }
    } catch {
      room.release(request.room)
      throw error
    }
    free.removeFirst(needed)
    outstanding[request.head] = request
    return request
  }

  /// Offers a chain to the device.
  package func offer(_ head: UInt16) throws {
    let slot = availableRing.rawValue + 4 + 2 * UInt64(availableIndex % size)
    try memory.store(head, at: GuestAddress(slot))
    availableIndex &+= 1
    try memory.store(availableIndex, at: GuestAddress(availableRing.rawValue + 2))
  }

  /// Offers chains with one store of the index.
  package func offer(_ heads: [UInt16]) throws {
    for (index, head) in heads.enumerated() {
      let position = availableIndex &+ UInt16(truncatingIfNeeded: index)
      let slot = availableRing.rawValue + 4 + 2 * UInt64(position % size)
      try memory.store(head, at: GuestAddress(slot))
    }
    availableIndex &+= UInt16(truncatingIfNeeded: heads.count)
    try memory.store(availableIndex, at: GuestAddress(availableRing.rawValue + 2))
  }

  /// Lays out and offers.
  ///
  /// - Throws: ``Failure/emptyRequest`` for a request without any byte, which breaks the rules;
  ///   whoever wants that offers what `place` made.
  @discardableResult
  package func submit(_ segments: [Segment]) throws -> Request {
    guard segments.contains(where: { $0.byteCount > 0 }) else { throw Failure.emptyRequest }
    let request = try place(segments)
    try offer(request.head)
    return request
  }

  /// The answers that were not looked at before; what they answer is free again.
  package func collect() throws -> [Used] {
    let index = try recycleUsed()
    var result: [Used] = []
    while seenUsed != index {
      result.append(try used(at: seenUsed))
      seenUsed &+= 1
    }
    return result
  }

  /// Takes back what all answers up to now occupied, whether or not they were collected; the used
  /// index.
  @discardableResult
  private func recycleUsed() throws -> UInt16 {
    let index = try memory.loadUInt16(at: GuestAddress(usedRing.rawValue + 2))
    while recycledUsed != index {
      if let head = UInt16(exactly: try used(at: recycledUsed).head) { recycle(head) }
      recycledUsed &+= 1
    }
    return index
  }

  private func used(at index: UInt16) throws -> Used {
    let slot = usedRing.rawValue + 4 + 8 * UInt64(index % size)
    return Used(
      head: try memory.loadUInt32(at: GuestAddress(slot)),
      length: try memory.loadUInt32(at: GuestAddress(slot + 4)))
  }

  /// Takes back what a request occupies, as when the device has returned it.
  package func recycle(_ head: UInt16) {
    guard let request = outstanding.removeValue(forKey: head) else { return }
    free += request.descriptors
    room.release(request.room)
  }

  /// The bytes in the writable part of a request.
  package func output(_ request: Request) throws -> [UInt8] {
    try request.writable.flatMap { try memory.bytes(at: $0.address, count: $0.count) }
  }

  /// Puts a segment's buffer in memory; the bytes of a descriptor for it.
  private func fill(
    _ segment: Segment, _ request: inout Request, next: UInt16, more: Bool
  ) throws -> [UInt8] {
    let bytes: [UInt8]
    let flag: UInt16
    switch segment {
    case .readable(let given): (bytes, flag) = (given, 0)
    case .writable(let count):
      // What the device does not write is seen by this.
      (bytes, flag) = ([UInt8](repeating: 0xee, count: count), Self.deviceWritable)
    }
    let range = try reserve(bytes.count, &request)
    try memory.write(bytes, at: GuestAddress(range.lowerBound))
    if flag != 0 { request.writable.append((GuestAddress(range.lowerBound), bytes.count)) }
    return Self.encode(
      range.lowerBound, UInt32(bytes.count), flag | (more ? Self.hasNext : 0), next)
  }

  /// Puts an indirect table and its buffers in memory; the table's address.
  private func fillTable(
    _ segments: [Segment], _ request: inout Request, misalignedBy shift: UInt64
  ) throws -> UInt64 {
    let table = try reserve(16 * segments.count + Int(shift), &request).lowerBound + shift
    for (index, segment) in segments.enumerated() {
      let more = index + 1 < segments.count
      let bytes = try fill(segment, &request, next: more ? UInt16(index + 1) : 0, more: more)
      try memory.write(bytes, at: GuestAddress(table + 16 * UInt64(index)))
    }
    return table
  }

  private func reserve(_ count: Int, _ request: inout Request) throws -> Range<UInt64> {
    var range = room.reserve(count)
    if range == nil {
      try recycleUsed()
      range = room.reserve(count)
    }
    guard let range else { throw Failure.noRoom(byteCount: count) }
    request.room.append(range)
    return range
  }

  private func write(_ bytes: [UInt8], descriptor: UInt16) throws {
    try memory.write(
      bytes, at: GuestAddress(descriptorTable.rawValue + 16 * UInt64(descriptor)))
  }
}
