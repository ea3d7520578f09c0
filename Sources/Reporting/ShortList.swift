import Texts

/// Formats parameter names as a short list: names that differ only in their first number are combined, as in
/// `blocks.{0-3}.attention.projection.bias`.
package func shortList(_ names: [String]) -> String {
    var (order, members): ([String], [ExactText: [Int]]) = ([], [:])
    for name in names {
        let parts = name.exactParts(at: ".")
        let place = parts.firstIndex { Int($0) != nil }
        let pattern = parts.indices.map { $0 == place ? "*" : parts[$0] }.joined(separator: ".")
        if members[pattern.exact] == nil { order.append(pattern) }
        members[pattern.exact, default: []] += place.flatMap { Int(parts[$0]) }.map { [$0] } ?? []
    }
    return order.map { pattern in
        let numbers = members[pattern.exact, default: []]
        guard let first = numbers.first, let last = numbers.last else { return pattern }
        let isRange = numbers.count > 2 && numbers == Array(first...max(first, last))
        let list = isRange ? "\(first)-\(last)" : numbers.map(String.init).joined(separator: ",")
        return pattern.exactParts(at: ".")
            .map { $0 == "*" ? (numbers.count > 1 ? "{\(list)}" : list) : $0 }.joined(separator: ".")
    }.joined(separator: ", ")
}
