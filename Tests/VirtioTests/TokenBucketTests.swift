import HostOS
import Testing
import Virtio

@Suite struct TokenBucketTests {
  private func limit(_ size: UInt64, _ time: UInt64, burst: UInt64 = 0) throws
    -> TokenBucket.Limit
  {
    try #require(
      TokenBucket.Limit(size: size, refillNanoseconds: time, oneTimeBurst: burst))
  }

  @Test func `a limit without size or time is none`() {
    #expect(TokenBucket.Limit(size: 0, refillNanoseconds: 1) == nil)
    #expect(TokenBucket.Limit(size: 1, refillNanoseconds: 0) == nil)
    #expect(TokenBucket.Limit(size: 1, refillNanoseconds: 1 << 62) == nil)
    #expect(TokenBucket.Limit(size: .max, refillNanoseconds: 1 << 62 - 1) != nil)
    #expect(TokenBucket.Limit(perSecond: 0) == nil)
  }

  @Test func `a bucket starts full, empties, and is full again after its time`() throws {
    let bucket = Bucket(try limit(1000, 1_000_000), at: 5)
    #expect(bucket.take(1000, at: 5))
    #expect(!bucket.take(1, at: 5))
    #expect(bucket.wait(for: 1, at: 5) == 1000)
    #expect(bucket.wait(for: 1000, at: 5) == 1_000_000)
    #expect(!bucket.take(1, at: 5 + 999))
    #expect(bucket.take(1, at: 5 + 1000))
    #expect(bucket.take(999, at: 5 + 1_000_000))
    // Never more than full.
    #expect(bucket.take(1000, at: 1 << 60))
    #expect(!bucket.take(1, at: 1 << 60))
  }

  @Test func `the one-time burst comes first and never again`() throws {
    let bucket = Bucket(try limit(100, 1_000_000, burst: 50), at: 0)
    #expect(bucket.take(150, at: 0))
    #expect(bucket.burst == 0)
    #expect(!bucket.take(1, at: 0))
    #expect(bucket.take(100, at: 1 << 50))
    #expect(!bucket.take(1, at: 1 << 50))
    // A refusal leaves the burst alone.
    let other = Bucket(try limit(100, 1_000_000, burst: 50), at: 0)
    #expect(other.take(20, at: 0))
    #expect(other.take(125, at: 0))
    #expect(other.burst == 0)
    #expect(other.tokens == 5)
    #expect(!other.take(6, at: 0))
    #expect(other.tokens == 5)
  }

  @Test func `more than the bucket holds passes when it is full, and is paid for afterwards`()
    throws
  {
    let bucket = Bucket(try limit(100, 1_000_000), at: 0)
    #expect(bucket.take(1, at: 0))
    #expect(!bucket.take(350, at: 0))
    #expect(bucket.wait(for: 350, at: 0) == 10_000)
    #expect(bucket.take(350, at: 10_000))
    #expect(bucket.tokens == -250)
    #expect(bucket.wait(for: 1, at: 10_000) == 2_510_000)
    #expect(!bucket.take(1, at: 2_519_999))
    #expect(bucket.take(1, at: 2_520_000))
  }

  @Test func `many tiny refills lose nothing`() throws {
    // 7 tokens in 1,000,003 ns: no step adds a whole token.
    let bucket = Bucket(try limit(7, 1_000_003), at: 0)
    #expect(bucket.take(7, at: 0))
    for now in stride(from: 1, through: 1_000_002, by: 13) as StrideThrough<UInt64> {
      #expect(bucket.wait(for: 7, at: now) == 1_000_003 - now)
    }
    #expect(!bucket.take(7, at: 1_000_002))
    #expect(bucket.take(7, at: 1_000_003))
  }

  @Test func `a clock that goes back is no refill and no trap`() throws {
    let bucket = Bucket(try limit(10, 1000), at: 5000)
    #expect(bucket.take(10, at: 5000))
    #expect(!bucket.take(1, at: 0))
    #expect(!bucket.take(1, at: 4999))
    #expect(bucket.take(1, at: 5100))
  }

  @Test func `the largest numbers neither trap nor wrap`() throws {
    for (size, time, burst) in [
      (.max, 1 << 62 - 1, .max), (1, 1 << 62 - 1, 0), (.max, 1, 0), (.max, 1, .max),
    ] as [(UInt64, UInt64, UInt64)] {
      let bucket = Bucket(try limit(size, time, burst: burst), at: 0)
      for now in [0, 1, .max / 2, .max] as [UInt64] {
        _ = bucket.wait(for: .max, at: now)
        _ = bucket.take(.max, at: now)
        _ = bucket.take(.max, at: now)
        #expect(bucket.tokens <= Int128(size))
        #expect(bucket.tokens >= -Int128(UInt64.max))
      }
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `consumption in any window is at most burst, size, debt and what time brings`(
    seed: UInt64
  ) throws {
    var random = SplitMix64(seed: seed)
    let size = 1 + random.next() % 5000
    let time = 1 + random.next() % 1_000_000
    let burst = random.next() % 3 == 0 ? random.next() % 10_000 : 0
    let bucket = Bucket(try limit(size, time, burst: burst), at: 0)
    var now: UInt64 = 0
    var granted: [(time: UInt64, count: UInt64)] = []
    for _ in 0..<3000 {
      now += random.next() % (time / 50 + 2)
      let count = 1 + random.next() % (random.next() % 20 == 0 ? 3 * size : size)
      let wait = bucket.wait(for: count, at: now)
      let isGranted = bucket.take(count, at: now)
      #expect(isGranted == (wait == 0), "seed \(seed)")
      if isGranted {
        granted.append((now, count))
      } else if random.next() % 4 == 0 {
        // One nanosecond too early is too early, the time named is enough.
        let early = bucket.copy()
        #expect(!early.take(count, at: now + wait - 1), "seed \(seed)")
        now += wait
        #expect(bucket.take(count, at: now), "seed \(seed)")
        granted.append((now, count))
      }
      #expect(bucket.tokens <= Int128(size), "seed \(seed)")
    }
    // Windows from some of the grants to the end of all.
    for first in stride(from: 0, to: granted.count, by: 97) {
      var sum: UInt64 = 0
      for index in first..<granted.count {
        // All but the last are within what there was; the last may go into debt.
        let elapsed = granted[index].time - granted[first].time
        let brought = Int128(elapsed) * Int128(size) / Int128(time) + 1
        #expect(
          Int128(sum) <= Int128(burst) + Int128(size) + brought, "seed \(seed), window \(first)")
        sum += granted[index].count
      }
    }
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `who always takes as soon as possible gets exactly the rate`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let size = 10 + random.next() % 1000
    let time = 1000 + random.next() % 100_000
    let bucket = Bucket(try limit(size, time), at: 0)
    #expect(bucket.take(size, at: 0))
    var now: UInt64 = 0
    var total: UInt64 = 0
    for _ in 0..<2000 {
      // Not the whole bucket: what passes the brim while rounding up is gone.
      let count = 1 + random.next() % (size / 2)
      now += bucket.wait(for: count, at: now)
      #expect(bucket.take(count, at: now))
      total += count
    }
    let exact = Int128(total) * Int128(time) / Int128(size)
    // Each wait is rounded up to a nanosecond at most, but the fraction is not lost.
    #expect(Int128(now) >= exact && Int128(now) <= exact + 2, "seed \(seed)")
  }
}

/// A bucket that macros may call.
private final class Bucket {
  private var bucket: TokenBucket

  init(_ limit: TokenBucket.Limit, at now: UInt64) { bucket = TokenBucket(limit, at: now) }

  private init(_ bucket: TokenBucket) { self.bucket = bucket }

  func copy() -> Bucket { Bucket(bucket) }
  func take(_ count: UInt64, at now: UInt64) -> Bool { bucket.take(count, at: now) }
  func wait(for count: UInt64, at now: UInt64) -> UInt64 { bucket.wait(for: count, at: now) }
  var burst: UInt64 { bucket.burst }
  var tokens: Int128 { bucket.tokens }
}
