/// The header of a block request.
package func blockHeader(_ type: UInt32, _ sector: UInt64) -> [UInt8] {
  littleEndian(type) + littleEndian(UInt32(0)) + littleEndian(sector)
}

/// A read of sectors as a driver lays it out.
package func readRequest(_ sector: UInt64, _ count: Int = 1) -> [MockDriver.Segment] {
  [.readable(blockHeader(0, sector)), .writable(count * 512), .writable(1)]
}

/// A write of sectors as a driver lays it out.
package func writeRequest(_ sector: UInt64, _ bytes: [UInt8]) -> [MockDriver.Segment] {
  [.readable(blockHeader(1, sector)), .readable(bytes), .writable(1)]
}
