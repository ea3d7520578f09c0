import Texts
import Failures
import Files
import Glibc
import Profiling

/// A fault to inject into a rank, for tests of fault tolerance.
///
/// The environment variable DTRAIN_FAULT holds one or more faults, separated by semicolons. Each is an action followed
/// by conditions, as in `kill rank=1 step=13 phase=backward` or `fail step=10 phase=checkpoint call=write number=3
/// error=ENOSPC`.
package struct Fault: Equatable {
    /// The kind of fault.
    enum Action: String, CaseIterable {
        /// The rank kills itself with SIGKILL.
        case kill
        /// The rank suspends itself with SIGSTOP.
        case stop
        /// The rank asks itself to stop, with SIGUSR1.
        case request
        /// The rank executes an illegal instruction.
        case trap
        /// The rank waits forever.
        case hang
        /// One bit of the rank's weights is flipped.
        case flip
        /// The rank's gradients become NaN.
        case nan
        /// A system call fails.
        case fail
    }

    /// The name of the environment variable.
    package static let variable = "DTRAIN_FAULT"

    var action: Action
    /// The rank that has the fault.
    package var rank = 0
    /// The step in which the fault occurs; 0: before the first step.
    var step = 1
    /// The fault occurs when the first span of this kind begins in that step.
    var phase = Span.step
    /// For `flip`: the parameter; nil: the first one.
    package var tensor: String?
    /// For `flip`: the bit of the parameter's first element.
    var bit = 0
    /// For `fail`: the system call.
    var call = SystemFault.Call.write
    /// For `fail`: the number of the call that fails, counted from 1, from the moment when the other conditions are
    /// met.
    var number = 1
    /// For `fail`: the error code of the failing call.
    var error = EIO
    /// The fault occurs only if this file does not exist, and first creates it: the fault occurs once, however often
    /// the job is restarted.
    var once: String?

    /// Parses the faults in `text`.
    ///
    /// - Throws: `usage`, with the allowed values.
    package static func parse(_ text: String) throws(Failure) -> [Fault] {
        var faults: [Fault] = []
        for part in text.exactParts(at: ";", omittingEmpty: true) {
            let words = part.exactParts(at: " ", omittingEmpty: true)
            if let name = words.first { faults.append(try Fault(name, words.dropFirst())) }
        }
        return faults
    }

    private init(_ name: String, _ words: ArraySlice<String>) throws(Failure) {
        action = try Fault.choice(name, "the first word", Action.allCases.map { ($0.rawValue, $0) })
        // The weights must be changed before the gradients are computed from them.
        if action == .nan { phase = .backward }
        for word in words {
            let parts = word.exactParts(at: "=", maxSplits: 1, omittingEmpty: true)
            guard parts.count == 2 else { throw Fault.refusal(word, "KEY=VALUE") }
            let (key, value) = (parts[0], parts[1])
            switch key {
            case "rank": rank = try Fault.integer(value, key, 0...1_000_000)
            case "step": step = try Fault.integer(value, key, 0...1_000_000_000)
            case "phase": phase = try Fault.choice(value, key, Span.allCases.map { ("\($0)", $0) })
            case "tensor": tensor = value
            case "bit": bit = try Fault.integer(value, key, 0...31)
            case "call": call = try Fault.choice(value, key, SystemFault.Call.allCases.map { ($0.rawValue, $0) })
            case "number": number = try Fault.integer(value, key, 1...1_000_000_000)
            case "error":
                error = try Fault.choice(value, key, SystemFault.errors.sorted { $0.key < $1.key }.map { ($0, $1) })
            case "once": once = value
            default: throw Fault.refusal(word, "rank, step, phase, tensor, bit, call, number, error and once")
            }
        }
    }

    private static func choice<Value>(
        _ found: String, _ key: String, _ values: [(name: String, value: Value)]
    ) throws(Failure) -> Value {
        guard let value = values.first(where: { $0.name == found })?.value else {
            throw refusal("\(key): \(found)", values.map(\.name).joined(separator: ", "))
        }
        return value
    }

    private static func integer(_ found: String, _ key: String, _ range: ClosedRange<Int>) throws(Failure) -> Int {
        guard let value = Int(found), range.contains(value) else {
            throw refusal("\(key): \(found)", "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private static func refusal(_ found: String, _ allowed: String) -> Failure {
        Failure(.usage, "\(variable): found \(found); allowed: \(allowed)")
    }
}
