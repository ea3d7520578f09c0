import Reporting

/// The number of compute threads per rank: the key `threads`.
package enum ThreadCount: Equatable, Sendable {
    /// The number of physical cores that the job may use on the machine, divided by the number of its ranks there.
    case automatic
    /// A fixed number.
    case fixed(Int)

    /// The allowed values, for messages.
    package static let allowed = "auto, or a whole number from \(range.lowerBound) to \(range.upperBound)"

    private static let range = 1...1024

    /// Parses `text`; nil if it is not an allowed value.
    package init?(_ text: String) {
        if text == "auto" {
            self = .automatic
        } else if let count = Int(text), ThreadCount.range.contains(count) {
            self = .fixed(count)
        } else {
            return nil
        }
    }

    /// The value as text, which `init` parses.
    package var text: String {
        switch self {
        case .automatic: "auto"
        case .fixed(let count): "\(count)"
        }
    }
}
