import Failures
import Reporting

/// How many threads a rank computes with: the key `threads`.
package enum ThreadCount: Equatable, Sendable {
    /// The cores of the machine that the job may use, divided by its ranks there.
    case automatic
    /// As many as were asked for.
    case fixed(Int)

    /// What a person may ask for.
    package static let allowed = "auto, or a whole number from \(range.lowerBound) to \(range.upperBound)"

    private static let range = 1...1024

    /// The count that `text` says; nil for anything that is not allowed.
    package init?(_ text: String) {
        if text == "auto" {
            self = .automatic
        } else if let count = Int(text), ThreadCount.range.contains(count) {
            self = .fixed(count)
        } else {
            return nil
        }
    }

    /// `init` makes the same count of it.
    package var text: String {
        switch self {
        case .automatic: "auto"
        case .fixed(let count): "\(count)"
        }
    }
}
