/// Where an address that is to be translated leads.
package struct Translation: Hashable, Sendable {
  /// The guest-physical address.
  package let address: GuestAddress
  /// How many bytes from there on the same translation holds for, at least one.
  package let count: UInt64
  /// What the translation grants.
  package let permissions: MemoryPermissions

  /// Describes a translation.
  package init(address: GuestAddress, count: UInt64, permissions: MemoryPermissions) {
    self.address = address
    self.count = count
    self.permissions = permissions
  }
}

/// Knows where addresses of another space than the guest-physical one lead.
///
/// An IOMMU, for what devices are given, or a page walk, for what the guest's own CPUs use.
package protocol AddressTranslator: Sendable {
  /// The translation that holds at an address now; nil where there is none.
  func translation(of address: GuestAddress) -> Translation?
}

/// Guest memory as it is seen through a translation that grants or denies each access.
///
/// Every access is translated and checked page by page, at the time of the access: what is unmapped
/// meanwhile is denied from the next page on, and nothing is remembered. Where the translation does
/// not grant all that an access needs, no byte moves from there on.
///
/// A denial and a missing translation are the same error, as they are to the device; peers tell
/// them apart. A translation to addresses where no memory is, is an error of its own.
package struct TranslatedMemory<Translator: AddressTranslator>: Sendable {
  /// The memory that translations lead to.
  package let memory: GuestMemoryMap
  /// Who translates.
  package let translator: Translator

  /// Sees a memory through a translation.
  package init(_ memory: GuestMemoryMap, through translator: Translator) {
    self.memory = memory
    self.translator = translator
  }

  /// The guest-physical stretches that a range leads to, in order, joined where they touch.
  ///
  /// They hold as long as the translation stays; mapped or not is not checked.
  ///
  /// - Throws: ``GuestMemoryError/denied(_:_:)`` with the first address that does not grant the
  ///   access, `addressOverflow`.
  package func slices(
    at address: GuestAddress, count: Int, for access: MemoryPermissions
  ) throws(GuestMemoryError) -> [GuestSlice] {
    var result: [GuestSlice] = []
    let done = try walk(address, count, access) { physical, count, _ throws(GuestMemoryError) in
      if let last = result.last, last.address.advanced(by: UInt64(last.count)) == physical {
        result[result.count - 1] = GuestSlice(address: last.address, count: last.count + count)
      } else {
        result.append(GuestSlice(address: physical, count: count))
      }
      return count
    }
    guard done == count else {
      throw .denied(GuestAddress(address.rawValue + UInt64(done)), access)
    }
    return result
  }

  /// Hands `body` the translated pieces of a range until one is denied, or `body` does not do all of
  /// its piece; returns how many bytes were done.
  ///
  /// - Throws: `denied` at the first byte, `addressOverflow`, what `body` throws.
  private func walk(
    _ address: GuestAddress, _ count: Int, _ access: MemoryPermissions,
    _ body: (GuestAddress, Int, Int) throws(GuestMemoryError) -> Int
  ) throws(GuestMemoryError) -> Int {
    try memory.checkEnd(address, count)
    var done = 0
    while done < count {
      let cursor = GuestAddress(address.rawValue &+ UInt64(done))
      guard let found = translator.translation(of: cursor), found.permissions.allow(access) else {
        if done == 0 { throw .denied(address, access) }
        return done
      }
      // A translator that says nothing holds would keep us here for ever.
      let piece = Int(clamping: min(max(found.count, 1), UInt64(count - done)))
      let moved = try body(found.address, piece, done)
      done += moved
      if moved < piece { return done }
    }
    return done
  }
}

extension TranslatedMemory: VmIO {
  package static func place(_ place: GuestAddress, offsetBy count: Int) -> GuestAddress? {
    GuestMemoryMap.place(place, offsetBy: count)
  }

  package static func place(_ place: GuestAddress, alignedTo alignment: Int) -> GuestAddress? {
    GuestMemoryMap.place(place, alignedTo: alignment)
  }

  package static func overflow(_ place: GuestAddress, count: Int) -> GuestMemoryError {
    GuestMemoryMap.overflow(place, count: count)
  }

  /// Proves that every page of the range grants the access now and leads to mapped memory.
  ///
  /// - Throws: ``GuestMemoryError/denied(_:_:)`` with the first address that does not, `unmapped`
  ///   with the first physical one, `addressOverflow`.
  package func check(
    _ address: GuestAddress, count: Int, for access: MemoryPermissions
  ) throws(GuestMemoryError) {
    let done = try walk(address, count, access) { physical, count, _ throws(GuestMemoryError) in
      try memory.check(physical, count: count, for: access)
      return count
    }
    guard done == count else {
      throw .denied(GuestAddress(address.rawValue &+ UInt64(done)), access)
    }
  }

  /// Copies out as many bytes as may be read in one piece; returns how many.
  ///
  /// - Throws: ``GuestMemoryError/denied(_:_:)`` when the first byte may not be read, `unmapped` when
  ///   it leads nowhere, `addressOverflow`.
  package func readAvailable(
    at address: GuestAddress, into destination: inout MutableRawSpan
  ) throws(GuestMemoryError) -> Int {
    var writer = VmWriter(&destination)
    return try walk(address, writer.available, .read) {
      physical, count, done throws(GuestMemoryError) in
      try partly(done) { () throws(GuestMemoryError) in
        try memory.forEachSlice(at: physical, count: count) { slice, _ in
          var reader = VmReader(slice)
          return reader.read(into: &writer)
        }
      }
    }
  }

  /// Copies in as many bytes as may be written in one piece; returns how many.
  ///
  /// - Throws: as ``readAvailable(at:into:)``.
  package func writeAvailable(
    _ source: RawSpan, at address: GuestAddress
  ) throws(GuestMemoryError) -> Int {
    var reader = VmReader(source)
    return try walk(address, reader.remaining, .write) {
      physical, count, done throws(GuestMemoryError) in
      try partly(done) { () throws(GuestMemoryError) in
        try memory.forEachSlice(at: physical, count: count) { slice, _ in
          var writer = VmWriter(slice)
          return reader.read(into: &writer)
        }
      }
    }
  }

  /// A hole behind the first byte ends a transfer without an error.
  private func partly(
    _ done: Int, _ body: () throws(GuestMemoryError) -> Int
  ) throws(GuestMemoryError) -> Int {
    do {
      return try body()
    } catch {
      guard done > 0, case .unmapped = error else { throw error }
      return 0
    }
  }
}
