import CProcessor
import Failures
import Numbers
import Products

/// The check that the CPU supports the instructions for which the kernels were compiled, and that the requested limit
/// on instructions is known.
package enum ProcessorCheck {
    /// Runs the check, before anything is computed.
    ///
    /// - Throws: `usage`, with the missing instructions or the unknown limit.
    package static func run() throws(Failure) {
        if let text = KernelLimit.requested, KernelLimit(rawValue: text) == nil {
            let allowed = KernelLimit.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(
                .usage,
                "\(KernelLimit.variable): found \(text); allowed: \(allowed), or unset for all instructions of the CPU."
            )
        }
        let missing = Processor.builtFor() & ~cprocessor_features()
        guard missing != 0 else { return }
        let names = ["AVX2", "FMA", "F16C", "AVX-512F", "AVX-512BW", "AVX-512VL", "AVX-512-FP16"]
        let list = names.indices.filter { missing >> $0 & 1 == 1 }.map { names[$0] }.joined(separator: ", ")
        throw Failure(
            .usage,
            "this dtrain was built for a CPU with \(list), which this one lacks. Rebuild it here with "
                + "launch/setup, or for all hosts with DTRAIN_PROCESSOR=x86-64-v3 launch/setup.")
    }
}
