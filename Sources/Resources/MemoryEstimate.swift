import Collectives
import Failures
import Files
import Kernels
import Reporting
import Tensors

/// The memory that a command is about to take on a host, part by part.
///
/// It is a lower bound: only what is certain to be written to is counted, so that nothing that fits is refused.
package struct MemoryEstimate {
    /// What memory is taken for, and the bytes of all ranks of the host together.
    package private(set) var parts: [(name: String, bytes: Double)] = []

    /// An estimate without parts.
    package init() {}

    /// All bytes.
    package var bytes: Double { parts.reduce(0) { $0 + $1.bytes } }

    /// Adds `count` times as many bytes as some numbers have. Sizes that no `Int` holds are only large.
    package mutating func add(_ name: String, _ numbers: Int, bytesEach: Int, times count: Int = 1) {
        let bytes = Double(numbers) * Double(bytesEach) * Double(count)
        if bytes > 0 { parts.append((name, bytes)) }
    }

    /// Refuses what does not fit.
    ///
    /// - Parameters:
    ///   - what: What the memory is for, such as "training".
    ///   - available: The bytes that can be had.
    ///   - remedy: What makes it fit.
    /// - Throws: `usage`, with what is needed, what is there and what to change.
    package func require(_ what: String, available: Int, remedy: String) throws(Failure) {
        guard bytes > Double(available) else { return }
        let list = parts.sorted { $0.bytes > $1.bytes }
            .map { "\($0.name) \(MemoryEstimate.gigabytes($0.bytes))" }.joined(separator: ", ")
        throw Failure(
            .usage,
            "\(what) needs at least \(MemoryEstimate.gigabytes(bytes)) of memory on this host (\(list)); "
                + "\(MemoryEstimate.gigabytes(Double(available))) can be had. \(remedy)")
    }

    /// What `copies` of a model's weights need in Float32.
    package static func weights(_ layout: ParameterLayout, copies: Int = 1) -> MemoryEstimate {
        var estimate = MemoryEstimate()
        estimate.add("weights", layout.count, bytesEach: MemoryLayout<Float>.stride, times: copies)
        return estimate
    }

    private static func gigabytes(_ bytes: Double) -> String {
        bytes < 1e8 ? "\(fixed(bytes * 1e-6, 1)) MB" : "\(fixed(bytes * 1e-9, 2)) GB"
    }

    /// The bytes that the processes of this host can still take: its free memory and swap space, or what their control group
    /// leaves them.
    package static func availableBytes() -> Int {
        let (memory, swap) = (SystemMemory.availableBytes(), SystemMemory.freeSwapBytes())
        return memory > Int.max - swap ? Int.max : memory + swap
    }
}

extension Communicator {
    /// Refuses on every rank what does not fit into the memory of any host. Every rank calls it, before any takes the memory.
    ///
    /// - Parameters:
    ///   - what, remedy: As for `MemoryEstimate.require`.
    ///   - estimate: What all ranks of this host need together.
    /// - Throws: `AgreedFailure` with `usage`.
    package func requireMemory(for what: String, remedy: String, _ estimate: () -> MemoryEstimate) throws {
        try together { () throws(Failure) in
            guard localRank == 0 else { return }
            do throws(Failure) {
                try estimate().require(what, available: MemoryEstimate.availableBytes(), remedy: remedy)
            } catch {
                throw namingHost(error)
            }
        }
    }
}
