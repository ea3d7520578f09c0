import Failures
import Files
import Reporting

/// The distribution of lengths, counted in buckets: exact up to 511, less than 0.5 % wide above.
///
/// The memory is bounded, whatever the lengths are.
struct LengthCounts {
    /// Buckets per doubling of the length.
    private static let bucketsPerDoubling = 256
    private var buckets = [Int](repeating: 0, count: LengthCounts.bucketsPerDoubling * 56)
    /// The number of lengths.
    private(set) var count = 0
    /// The sum of all lengths.
    private(set) var sum = 0
    private(set) var shortest = Int.max
    private(set) var longest = 0

    /// Counts a length of at least 0.
    mutating func add(_ length: Int) {
        buckets[LengthCounts.bucket(of: length)] += 1
        count += 1
        sum += length
        shortest = min(shortest, length)
        longest = max(longest, length)
    }

    var mean: Double { count > 0 ? Double(sum) / Double(count) : 0 }

    /// The smallest length that at least `share` of all lengths do not exceed, rounded up to the end of its bucket.
    func quantile(_ share: Double) -> Int {
        var below = 0
        for (bucket, number) in buckets.enumerated() where number > 0 {
            below += number
            if Double(below) >= share * Double(count) { return min(LengthCounts.range(bucket).upperBound, longest) }
        }
        return longest
    }

    /// The number of lengths in at most `limit` ranges of equal width that cover all lengths.
    func histogram(limit: Int) -> [(range: ClosedRange<Int>, count: Int)] {
        guard count > 0 else { return [] }
        // The longest few stand in the last range, which would otherwise leave most ranges empty.
        let end = max(quantile(0.99), shortest)
        let width = max(1, (end - shortest + limit) / limit)
        var rows: [(range: ClosedRange<Int>, count: Int)] = []
        for start in stride(from: shortest, through: end, by: width) {
            rows.append((start...start + width - 1, 0))
        }
        if let last = rows.last, longest > last.range.upperBound {
            rows.append((last.range.upperBound + 1...longest, 0))
        }
        for (bucket, number) in buckets.enumerated() where number > 0 {
            let length = min(max(LengthCounts.range(bucket).upperBound, shortest), longest)
            rows[min((length - shortest) / width, rows.count - 1)].count += number
        }
        return rows
    }

    /// The histogram as lines with bars.
    var bars: [String] {
        let rows = histogram(limit: 12)
        let most = rows.map(\.count).max() ?? 0
        let names = rows.map { row in
            row.range.count == 1
                ? grouped(row.range.lowerBound)
                : "\(grouped(row.range.lowerBound)) to \(grouped(row.range.upperBound))"
        }
        let width = names.map(\.count).max() ?? 0
        return zip(names, rows).map { name, row in
            let length = Int((40 * Double(row.count) / Double(max(1, most))).rounded(.up))
            return "  " + String(repeating: " ", count: width - name.count) + name + "  "
                + String(repeating: "█", count: length) + " " + grouped(row.count)
        }
    }

    var json: JSON {
        [
            "count": .integer(count), "mean": .number(mean), "shortest": .integer(count > 0 ? shortest : 0),
            "median": .integer(quantile(0.5)), "p95": .integer(quantile(0.95)), "longest": .integer(longest),
            "histogram": .array(
                histogram(limit: 12).map {
                    [
                        "from": .integer($0.range.lowerBound), "to": .integer($0.range.upperBound),
                        "count": .integer($0.count),
                    ]
                }),
        ]
    }

    private static func bucket(of length: Int) -> Int {
        let exact = 2 * bucketsPerDoubling
        guard length >= exact else { return length }
        let doublings = exact.leadingZeroBitCount - length.leadingZeroBitCount
        return exact + doublings * bucketsPerDoubling + (length >> (doublings + 1)) - bucketsPerDoubling
    }

    private static func range(_ bucket: Int) -> ClosedRange<Int> {
        let exact = 2 * bucketsPerDoubling
        guard bucket >= exact else { return bucket...bucket }
        let (doublings, place) = (bucket - exact).quotientAndRemainder(dividingBy: bucketsPerDoubling)
        let start = (place + bucketsPerDoubling) << (doublings + 1)
        return start...start + (1 << (doublings + 1)) - 1
    }
}
