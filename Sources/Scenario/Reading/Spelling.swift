/// Finds the word that someone meant.
package enum Spelling {
  /// The known word nearest to the one found, or nil when none is near.
  package static func nearest(to word: String, in known: some Sequence<String>) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let limit = max(1, min(3, word.count / 3))
    var best: (word: String, distance: Int)?
    for candidate in known {
      let distance = distance(Array(word.lowercased()), Array(candidate.lowercased()))
      if distance <= limit, distance < best?.distance ?? .max {
        best = (candidate, distance)
      }
    }
    return best?.word
  }

  /// ` ; did you mean ...?` or else the list of what is known.
  static func hint(for word: String, in known: [String]) -> String {
    if let near = nearest(to: word, in: known) {
      return "; did you mean \(Quoting.quoted(near))?"
    }
    return known.isEmpty
      ? "" : "; known: " + known.map { Quoting.quoted($0) }.joined(separator: ", ")
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
  static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for i in left.indices {
      var row = [i + 1]
      for j in right.indices {
        let cost = left[i] == right[j] ? 0 : 1
        var best = min(last[j + 1] + 1, row[j] + 1, last[j] + cost)
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
          best = min(best, beforeLast[j - 1] + 1)
        }
        row.append(best)
      }
      beforeLast = last
      last = row
    }
    return last[right.count]
  }
}
