import Failures

/// Checks the order in which the methods of a `GradientAveraging` are called.
///
/// A call out of order would send gradients that are not final, or overwrite weights that another rank reads: results
/// would be wrong without an error. Therefore it ends the process.
struct StepOrder {
    /// What was called last.
    private enum State: Equatable {
        /// Nothing since the weights of all ranks became equal.
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

    /// The order of calls for a layout of `sections` sections and a shard of `ranges` ranges.
    init(sections: Int, ranges: Int) {
        self.sections = sections
        self.ranges = ranges
    }

    mutating func sectionIsFinal(_ section: Int) {
        let expected = if case .sending(let last) = state { last - 1 } else { sections - 1 }
        require(
            section == expected && !isUpdating,
            "sectionIsFinal(\(section)) after \(state): sections become final one after the other, the last one first")
        state = .sending(section: section)
    }

    mutating func finish() {
        require(
            state == .sending(section: 0) || (sections == 0 && state == .idle),
            "finish after \(state): all sections are final before")
        state = .averaged
    }

    mutating func rangeIsUpdated(_ index: Int) {
        let expected = if case .updating(let next) = state { next } else { 0 }
        require(
            index == expected && index < ranges && !isSending,
            "rangeIsUpdated(\(index)) after \(state): ranges are updated in order, after finish")
        state = .updating(next: index + 1)
    }

    mutating func publish() {
        require(
            state == .updating(next: ranges) || (ranges == 0 && !isSending),
            "publish after \(state): all \(ranges) ranges of the shard are updated before")
        state = .idle
    }

    mutating func publishFromFirstRank() {
        require(!isSending && !isUpdating, "publishFromFirstRank after \(state), in the middle of a step")
        state = .idle
    }

    private var isSending: Bool { if case .sending = state { true } else { false } }
    private var isUpdating: Bool { if case .updating = state { true } else { false } }
}
