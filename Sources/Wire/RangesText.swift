extension [Int] {
  /// Ascending numbers as the kernel writes sets: `0-2,5`.
  package var rangesText: String {
    var text = ""
    var index = startIndex
    while index < endIndex {
      let first = self[index]
      var last = first
      while index + 1 < endIndex, self[index + 1] == last + 1 {
        index += 1
        last = self[index]
      }
      text += (text.isEmpty ? "" : ",") + (first == last ? "\(first)" : "\(first)-\(last)")
      index += 1
    }
    return text
  }
}
