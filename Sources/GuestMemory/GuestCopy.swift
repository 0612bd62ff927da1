/// Copies bytes of which one side is guest memory, perhaps changing meanwhile.
///
/// Aligned words of 2, 4 and 8 bytes move in one piece. The two sides may overlap: the bytes that
/// arrive are those that were there before (memmove). Peers leave overlap undefined.
@unsafe
func copyGuestBytes(
  from source: UnsafeRawPointer?, to target: UnsafeMutableRawPointer?, count: Int
) {
  guard let source = unsafe source, let target = unsafe target else { return }
  let address = UInt(bitPattern: source) | UInt(bitPattern: target)
  switch count {
  case 8 where address & 7 == 0:
    unsafe UInt64.unsafeStore(UInt64.unsafeLoad(source, .relaxed), to: target, .relaxed)
  case 4 where address & 3 == 0:
    unsafe UInt32.unsafeStore(UInt32.unsafeLoad(source, .relaxed), to: target, .relaxed)
  case 2 where address & 1 == 0:
    unsafe UInt16.unsafeStore(UInt16.unsafeLoad(source, .relaxed), to: target, .relaxed)
  default:
    unsafe target.copyMemory(from: source, byteCount: count)
  }
}
