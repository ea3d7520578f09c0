import Collectives
import Failures
import Files
import Reporting
import Tensors

/// The memory that a command is about to use on a host, by purpose.
///
/// This is a lower bound: only memory that is certain to be used is counted, so that no command that fits is rejected.
package struct MemoryEstimate {
    /// The purpose of each part, and its bytes summed over all ranks of the host.
    package private(set) var parts: [(name: String, bytes: Double)] = []

    /// An estimate without parts.
    package init() {}

    /// The total number of bytes.
    package var bytes: Double { parts.reduce(0) { $0 + $1.bytes } }

    /// Adds `count` arrays of `numbers` elements of `bytesEach` bytes. The product may exceed the range of `Int`.
    package mutating func add(_ name: String, _ numbers: Int, bytesEach: Int, times count: Int = 1) {
        let bytes = Double(numbers) * Double(bytesEach) * Double(count)
        if bytes > 0 { parts.append((name, bytes)) }
    }

    /// Checks that the estimate fits into the available memory.
    ///
    /// - Parameters:
    ///   - what: The purpose of the memory, such as "training".
    ///   - available: The number of available bytes.
    ///   - remedy: How to reduce the memory use, as a sentence.
    /// - Throws: `usage`, with the required and the available memory and the remedy.
    package func require(_ what: String, available: Int, remedy: String) throws(Failure) {
        guard bytes > Double(available) else { return }
        let list = parts.sorted { $0.bytes > $1.bytes }
            .map { "\($0.name) \(MemoryEstimate.gigabytes($0.bytes))" }.joined(separator: ", ")
        throw Failure(
            .usage,
            "\(what) needs at least \(MemoryEstimate.gigabytes(bytes)) of memory on this host (\(list)); "
                + "\(MemoryEstimate.gigabytes(Double(available))) is available. \(MemoryEstimate.limitAdvice)\(remedy)")
    }

    /// The memory of `copies` copies of a model's weights in Float32.
    package static func weights(_ layout: ParameterLayout, copies: Int = 1) -> MemoryEstimate {
        var estimate = MemoryEstimate()
        estimate.add("weights", layout.count, bytesEach: MemoryLayout<Float>.stride, times: copies)
        return estimate
    }

    /// The advice if a limit of the process is lower than the host's available memory.
    private static var limitAdvice: String {
        SystemMemory.limitBytes() < SystemMemory.hostBytes()
            ? "A limit of this process (ulimit -v or ulimit -d) is lower than the host's memory: raise it. " : ""
    }

    private static func gigabytes(_ bytes: Double) -> String {
        bytes < 1e8 ? "\(fixed(bytes * 1e-6, 1)) MB" : "\(fixed(bytes * 1e-9, 2)) GB"
    }

    /// The memory that the processes of this host can still allocate, in bytes: free memory and swap space, within the
    /// limit of their control group and the limits of `processes` processes like this one.
    package static func availableBytes(processes: Int = 1) -> Int {
        let (memory, swap) = (SystemMemory.hostBytes(), SystemMemory.freeSwapBytes())
        let (limit, overflow) = SystemMemory.limitBytes().multipliedReportingOverflow(by: processes)
        return min(memory > Int.max - swap ? Int.max : memory + swap, overflow ? Int.max : limit)
    }
}

extension Communicator {
    /// Checks on every rank that the estimate fits into the memory of each host. Collective: every rank calls it,
    /// before any allocates the memory.
    ///
    /// - Parameters:
    ///   - what, remedy: As for `MemoryEstimate.require`.
    ///   - estimate: The memory of all ranks of this host.
    /// - Throws: `AgreedFailure` with `usage`.
    package func requireMemory(for what: String, remedy: String, _ estimate: () -> MemoryEstimate) throws {
        try together { () throws(Failure) in
            guard localRank == 0 else { return }
            do throws(Failure) {
                try estimate().require(
                    what, available: MemoryEstimate.availableBytes(processes: localSize), remedy: remedy)
            } catch {
                throw namingHost(error)
            }
        }
    }
}
