package import Wire

extension SampleBatch {
  /// Bytes of a batch without samples: time and count.
  private static let fixedSize = 10
  /// Bytes of one sample: id, iterations, CPU time, gap.
  private static let sampleSize = 28
  /// How many samples fit one frame.
  package static let maximumSamples = (Frame.maximumPayload - fixedSize) / sampleSize

  /// The batch in pieces that each fit a frame; all carry the same time.
  package func split(every limit: Int = maximumSamples) -> [SampleBatch] {
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
