import GuestMemory
import HostOS

/// The regions that the frontend shares, and where they lie in its own address space.
struct SharedMemory {
  /// One region as a message describes it.
  struct Description: Hashable {
    var guestAddress: UInt64
    var size: UInt64
    var userAddress: UInt64
    var fileOffset: UInt64

    init(_ payload: inout PayloadReader) throws(VhostUserError) {
      guestAddress = try payload.uint64()
      size = try payload.uint64()
      userAddress = try payload.uint64()
      fileOffset = try payload.uint64()
    }
  }

  private struct Entry {
    var description: Description
    var region: GuestRegion
  }

  private var entries: [Entry] = []
  /// The guest's view of all regions; nil while there is none.
  private(set) var map: GuestMemoryMap?

  /// Puts a new set of regions in place of the old one; the old stays when one does not fit.
  mutating func replace(
    _ descriptions: [Description], _ descriptors: inout ReceivedDescriptors
  ) throws(VhostUserError) {
    guard descriptions.count <= VhostUserWire.maximumRegions else {
      throw .tooManyRegions(descriptions.count)
    }
    guard descriptors.count == descriptions.count else {
      throw .wrongDescriptorCount(
        request: VhostUserRequest.setMemoryTable.rawValue, count: descriptors.count)
    }
    var fresh = SharedMemory()
    for description in descriptions { try fresh.add(description, &descriptors) }
    self = fresh
  }

  /// Maps one more region.
  mutating func add(
    _ description: Description, _ descriptors: inout ReceivedDescriptors
  ) throws(VhostUserError) {
    guard entries.count < VhostUserWire.maximumRegions else {
      throw .tooManyRegions(entries.count + 1)
    }
    guard let descriptor = descriptors.take() else {
      throw .wrongDescriptorCount(
        request: VhostUserRequest.addMemoryRegion.rawValue, count: 0)
    }
    guard !description.userAddress.addingReportingOverflow(description.size).overflow else {
      throw .addressNotShared(description.userAddress)
    }
    do throws(GuestMemoryError) {
      let region = try GuestRegion(
        mapping: descriptor.raw, fileOffset: description.fileOffset,
        at: GuestAddress(description.guestAddress), size: description.size)
      map = try GuestMemoryMap(entries.map(\.region) + [region])
      entries.append(Entry(description: description, region: region))
    } catch {
      throw .memory(error)
    }
  }

  /// Forgets one region, named by guest address, size and user address.
  mutating func remove(_ description: Description) throws(VhostUserError) {
    let found = entries.firstIndex { entry in
      entry.description.guestAddress == description.guestAddress
        && entry.description.size == description.size
        && entry.description.userAddress == description.userAddress
    }
    guard let found else {
      throw .memory(
        .noSuchRegion(GuestAddress(description.guestAddress), size: description.size))
    }
    entries.remove(at: found)
    do throws(GuestMemoryError) {
      map = entries.isEmpty ? nil : try GuestMemoryMap(entries.map(\.region))
    } catch {
      throw .memory(error)
    }
  }

  /// The guest's address for an address in the frontend's own memory.
  func guestAddress(ofUser address: UInt64) throws(VhostUserError) -> GuestAddress {
    for entry in entries {
      let start = entry.description.userAddress
      if address >= start, address - start < entry.description.size {
        // The region ends at or before 2^64 in both address spaces.
        return GuestAddress(entry.description.guestAddress + (address - start))
      }
    }
    throw .addressNotShared(address)
  }
}
