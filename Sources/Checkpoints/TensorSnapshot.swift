import Failures
import Files
import Glibc

/// Memory that holds a copy of a checkpoint's tensors while they are written and the training goes on.
///
/// It is taken at the first copy and kept from one to the next: after the first, a copy costs one pass over the bytes
/// and no memory is asked for.
package final class TensorSnapshot {
    private var memory: UnsafeMutableRawBufferPointer?
    private let availableBytes: () -> Int

    /// Memory that is left to all others.
    private static let reserveBytes = 128 << 20

    /// A snapshot of nothing yet.
    ///
    /// - Parameter availableBytes: How much memory may be taken.
    package init(availableBytes: @escaping () -> Int = SystemMemory.availableBytes) {
        self.availableBytes = availableBytes
    }

    deinit { free(memory?.baseAddress) }

    /// Copies all tensors, in the order given.
    ///
    /// - Returns: The copies, which live until the next call and no longer than the snapshot; nil where there is no
    ///   memory for them: no tensor was touched then.
    /// - Throws: What a tensor throws that is to give its bytes.
    /// - Complexity: One pass over the bytes.
    package func copy(
        _ files: [(name: String, tensors: [TensorSource])]
    ) throws(Failure) -> [(name: String, tensors: [TensorSource])]? {
        let total = files.reduce(0) { $0 + $1.tensors.reduce(0) { $0 + $1.byteCount } }
        guard let memory = take(total) else { return nil }
        var end = 0
        var copies: [(name: String, tensors: [TensorSource])] = []
        for (name, tensors) in files {
            var copied: [TensorSource] = []
            for tensor in tensors {
                let start = end
                try tensor.forEachBlock { block throws(Failure) in
                    UnsafeMutableRawBufferPointer(rebasing: memory[end..<end + block.count]).copyMemory(from: block)
                    end += block.count
                }
                precondition(end - start == tensor.byteCount, "The tensor \(tensor.name) came with another size.")
                copied.append(
                    TensorSource(
                        name: tensor.name, type: tensor.type, shape: tensor.shape,
                        bytes: UnsafeRawBufferPointer(rebasing: memory[start..<end])))
            }
            copies.append((name, copied))
        }
        return copies
    }

    /// Memory for `count` bytes; nil where the system has none to spare.
    private func take(_ count: Int) -> UnsafeMutableRawBufferPointer? {
        if let memory, memory.count >= count { return memory }
        free(memory?.baseAddress)
        memory = nil
        // The system promises more than it has, and ends whoever then takes it at its word.
        guard count <= availableBytes() - TensorSnapshot.reserveBytes, !SystemFault.strikes(.allocate),
            let start = malloc(max(count, 1))
        else { return nil }
        memory = UnsafeMutableRawBufferPointer(start: start, count: max(count, 1))
        return memory
    }
}
