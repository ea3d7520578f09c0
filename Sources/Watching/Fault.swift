import Failures
import Files
import Glibc
import Profiling
import Texts

/// A fault that a rank is told to have, to see that nothing comes of it.
///
/// The variable DTRAIN_FAULT holds one or several, separated by semicolons: what happens, then where, as in
/// `kill rank=1 step=13 phase=backward` or `fail step=10 phase=checkpoint call=write number=3 error=ENOSPC`.
package struct Fault: Equatable {
    /// What happens.
    enum Action: String, CaseIterable {
        /// The rank is killed by SIGKILL.
        case kill
        /// The rank is stopped by SIGSTOP.
        case stop
        /// The rank is asked to stop, by SIGUSR1.
        case request
        /// The rank meets an instruction that no processor knows.
        case trap
        /// The rank waits for ever.
        case hang
        /// A bit of the rank's weights changes.
        case flip
        /// The rank's gradients become NaN.
        case nan
        /// A call of the system fails.
        case fail
    }

    package static let variable = "DTRAIN_FAULT"

    var action: Action
    package var rank = 0
    /// The step that it happens in; 0: before the first.
    var step = 1
    /// The span at whose first beginning it happens.
    var phase = Span.step
    /// Of a flip: the parameter, nil for the first, and the bit of its first number.
    package var tensor: String?
    var bit = 0
    /// Of a call that fails: which, the how manieth from then on, and why.
    var call = SystemFault.Call.write
    var number = 1
    var error = EIO
    /// It happens only where this file is not there, and makes it first: once, however often the job is restarted.
    var once: String?

    /// The faults that `text` asks for.
    ///
    /// - Throws: `usage` that says what is allowed.
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
        // What spoils a gradient must come before it is computed.
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
