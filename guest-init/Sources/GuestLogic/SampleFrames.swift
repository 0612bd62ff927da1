package import Wire

extension SampleBatch {
  /// The batch in pieces that each fit a frame; all carry the same time.
  package func split(every limit: Int = maximumCount) -> [SampleBatch] {
    guard samples.count > limit, limit > 0 else { return [self] }
    var pieces: [SampleBatch] = []
    var start = 0
    while start < samples.count {
      let end = min(start + limit, samples.count)
      pieces.append(SampleBatch(monotonic: monotonic, samples: Array(samples[start..<end])))
      start = end
    }
    return pieces
  }
}
