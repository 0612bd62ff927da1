/// A value with a fixed layout in memory, for which any bytes make sense.
///
/// Integers are little-endian. Other layouts are written and read field by field, in the order of
/// their bytes, so that padding and the host's own layout never reach a guest:
///
///     struct Header: GuestValue {
///       var kind: UInt32
///       var sector: UInt64
///       static let byteCount = 12
///       init(_ fields: inout FieldReader) {
///         kind = fields.next()
///         sector = fields.next()
///       }
///       func encode(_ fields: inout FieldWriter) {
///         fields.append(kind)
///         fields.append(sector)
///       }
///     }
///
/// Peers bind a structure of the host to the bytes instead and demand that it has no padding.
package protocol GuestValue {
  /// Its length in memory, at least one.
  static var byteCount: Int { get }
  /// Takes exactly `byteCount` bytes.
  init(_ fields: inout FieldReader)
  /// Gives exactly `byteCount` bytes.
  func encode(_ fields: inout FieldWriter)
}

/// The bytes of one value, taken from the front.
///
/// To take more or fewer than the value's `byteCount` is a mistake of the layout's author, and
/// stops the program.
@safe
package struct FieldReader: ~Escapable {
  private var bytes: RawSpan

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) {
    self.bytes = bytes
  }

  /// The next integer, little-endian.
  @_lifetime(self: copy self)
  package mutating func next<Value: FixedWidthInteger & BitwiseCopyable>() -> Value {
    let count = Value.bitWidth / 8
    precondition(count <= bytes.byteCount, "a layout reads past its byteCount")
    let value = unsafe bytes.unsafeLoadUnaligned(as: Value.self)
    bytes = bytes.extracting(droppingFirst: count)
    return Value(littleEndian: value)
  }

  var isAtEnd: Bool { bytes.isEmpty }
}

/// The room for one value's bytes, filled from the front.
///
/// To give more or fewer than the value's `byteCount` is a mistake of the layout's author, and
/// stops the program.
@safe
package struct FieldWriter: ~Copyable, ~Escapable {
  private var bytes: MutableRawSpan
  private var used = 0

  @_lifetime(copy bytes)
  init(_ bytes: consuming MutableRawSpan) {
    self.bytes = bytes
  }

  /// Puts an integer after what is there, little-endian.
  @_lifetime(self: copy self)
  package mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
    let count = Value.bitWidth / 8
    precondition(count <= bytes.byteCount - used, "a layout writes past its byteCount")
    bytes.storeBytes(of: value.littleEndian, toByteOffset: used, as: Value.self)
    used += count
  }

  var isAtEnd: Bool { used == bytes.byteCount }
}

extension GuestValue where Self: FixedWidthInteger & BitwiseCopyable {
  package static var byteCount: Int { bitWidth / 8 }

  package init(_ fields: inout FieldReader) { self = fields.next() }

  package func encode(_ fields: inout FieldWriter) { fields.append(self) }
}

extension UInt8: GuestValue {}
extension UInt16: GuestValue {}
extension UInt32: GuestValue {}
extension UInt64: GuestValue {}
extension Int8: GuestValue {}
extension Int16: GuestValue {}
extension Int32: GuestValue {}
extension Int64: GuestValue {}

extension GuestValue {
  /// The value of the bytes that `fill` gives.
  static func reading<Failure: Error>(
    _ fill: (inout MutableRawSpan) throws(Failure) -> Void
  ) throws(Failure) -> Self {
    try unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) {
      buffer throws(Failure) in
      unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
      var bytes = unsafe MutableRawSpan(_unsafeBytes: buffer)
      try fill(&bytes)
      var fields = FieldReader(bytes.bytes)
      let value = Self(&fields)
      precondition(fields.isAtEnd, "a layout reads less than its byteCount")
      return value
    }
  }

  /// Hands the bytes of the value to `body`.
  func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) {
      buffer throws(Failure) in
      unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
      var fields = unsafe FieldWriter(MutableRawSpan(_unsafeBytes: buffer))
      encode(&fields)
      precondition(fields.isAtEnd, "a layout writes less than its byteCount")
      return unsafe try body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(buffer)))
    }
  }
}
