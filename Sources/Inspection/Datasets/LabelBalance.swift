import Datasets
import Failures
import Files
import Reporting

/// The labels of a split: how often each class occurs, or the distribution of numbers.
struct LabelBalance {
    private let labels: LabelDescription
    private let records: Int
    /// The number of records of each class; empty for numbers.
    private(set) var counts: [Int]
    /// The number of records without any class, for several classes per record.
    private(set) var withoutClass = 0
    private var (least, most, sum, squares) = (Double.infinity, -Double.infinity, 0.0, 0.0)

    /// Reads the labels of all `records`.
    init(_ labels: LabelDescription, _ records: Records) {
        self.labels = labels
        self.records = records.count
        counts = Array(repeating: 0, count: labels.names.count)
        switch labels.kind {
        case .class:
            for record in 0..<records.count { counts[Int(records.classIndex(of: record))] += 1 }
        case .multi:
            withUnsafeTemporaryAllocation(of: Float.self, capacity: labels.names.count) { targets in
                guard let base = targets.baseAddress else { return }
                for record in 0..<records.count {
                    records.classes(of: record, into: base)
                    var isEmpty = true
                    for index in counts.indices where targets[index] > 0 {
                        counts[index] += 1
                        isEmpty = false
                    }
                    if isEmpty { withoutClass += 1 }
                }
            }
        case .number:
            for record in 0..<records.count {
                let number = Double(records.number(of: record))
                (least, most) = (min(least, number), max(most, number))
                sum += number
                squares += number * number
            }
        }
    }

    private var mean: Double { sum / Double(max(1, records)) }
    private var deviation: Double { max(0, squares / Double(max(1, records)) - mean * mean).squareRoot() }

    /// The share of records that always predicting the most frequent class gets right; nil unless records have one
    /// class.
    var baseline: Double? {
        labels.kind == .class && records > 0 ? Double(counts.max() ?? 0) / Double(records) : nil
    }

    var json: JSON {
        if labels.kind == .number {
            return [
                "kind": .string(labels.kind.rawValue), "mean": .number(mean), "deviation": .number(deviation),
                "least": .number(least), "most": .number(most),
            ]
        }
        return [
            "kind": .string(labels.kind.rawValue), "baseline_accuracy": baseline.map(JSON.number) ?? .null,
            "without_class": .integer(withoutClass),
            "classes": .array(
                zip(labels.names, counts).map { ["name": .string($0), "count": .integer($1)] }),
        ]
    }

    /// The classes of both splits as a table of at most 20 rows, the most frequent first, or the distribution of
    /// numbers.
    static func text(_ labels: LabelDescription, _ splits: [(Split, LabelBalance)]) -> String {
        if labels.kind == .number {
            return splits.map { split, balance in
                "numbers (\(split.rawValue)): mean \(fixed(balance.mean, 4)), standard deviation "
                    + "\(fixed(balance.deviation, 4)), from \(fixed(balance.least, 4)) to \(fixed(balance.most, 4))"
            }.joined(separator: "\n")
        }
        guard let first = splits.first?.1 else { return "" }
        let limit = 20
        let order = labels.names.indices.sorted { (-first.counts[$0], $0) < (-first.counts[$1], $1) }
        let rows = order.prefix(limit).map { index in
            [ClassificationTable.label(labels.names[index])]
                + splits.flatMap { split -> [String] in
                    let count = split.1.counts[index]
                    return [grouped(count), percent(Double(count) / Double(max(1, split.1.records)))]
                }
        }
        var lines = [
            aligned([["class"] + splits.flatMap { [$0.0.rawValue, "share"] }] + rows)
        ]
        if order.count > limit { lines.append("and \(grouped(order.count - limit)) other classes") }
        let never = first.counts.count { $0 == 0 }
        if never > 0 { lines.append("\(counted(never, "class", "es")) without a training record") }
        if let baseline = first.baseline {
            lines.append("baseline accuracy (most frequent class): \(percent(baseline))")
        }
        if first.withoutClass > 0 { lines.append("\(grouped(first.withoutClass)) training records have no class") }
        return lines.joined(separator: "\n")
    }
}
