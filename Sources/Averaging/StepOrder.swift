import Failures

/// Checks the order in which the methods of a `GradientAveraging` are called.
///
/// A call out of order would send gradients that are not final, or overwrite weights that another rank reads: results
/// would be wrong without an error. Therefore it ends the process.
struct StepOrder {
    /// The last call.
    private enum State: Equatable {
        /// No call yet since the weights of all ranks became equal.
        case idle
        /// `sectionIsFinal` for this section.
        case sending(section: Int)
        /// `finish`.
        case averaged
        /// `rangeIsUpdated` for all ranges before this one.
        case updating(next: Int)
    }

    private var state = State.idle
    private let sections: Int
    private let ranges: Int

    /// The order of calls for a layout of `sections` sections and a shard of `ranges` ranges, at least one each.
    init(sections: Int, ranges: Int) {
        self.sections = sections
        self.ranges = ranges
    }

    mutating func sectionIsFinal(_ section: Int) {
        let expected: Int? =
            switch state {
            case .idle, .averaged: sections - 1
            case .sending(let last): last - 1
            case .updating: nil
            }
        require(
            section == expected,
            "sectionIsFinal(\(section)) after \(state): expected one section after the other, the last section first")
        state = .sending(section: section)
    }

    mutating func finish() {
        require(state == .sending(section: 0), "finish after \(state): expected after sectionIsFinal(0)")
        state = .averaged
    }

    mutating func rangeIsUpdated(_ index: Int) {
        let expected: Int? =
            switch state {
            case .idle, .averaged: 0
            case .updating(let next): next
            case .sending: nil
            }
        require(
            index == expected && index < ranges,
            "rangeIsUpdated(\(index)) after \(state): expected all ranges in order, after finish")
        state = .updating(next: index + 1)
    }

    func requireWeights() {
        require(
            state == .updating(next: ranges),
            "requireWeights after \(state): expected after rangeIsUpdated(\(ranges - 1)), before publish")
    }

    mutating func publish() {
        require(
            state == .updating(next: ranges),
            "publish after \(state): expected after rangeIsUpdated(\(ranges - 1))")
        state = .idle
    }

    mutating func publishFromFirstRank() {
        require(
            state == .idle || state == .averaged, "publishFromFirstRank after \(state): expected between two steps")
        state = .idle
    }
}
