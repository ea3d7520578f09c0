import Failures
import Files
import Glibc

/// An in-memory copy of a checkpoint's tensors, which is written while training continues.
///
/// The memory is allocated at the first copy and reused: later copies cost one pass over the bytes and no allocation.
package final class TensorSnapshot {
    private var memory: UnsafeMutableRawBufferPointer?
    private let availableBytes: () -> Int

    /// Memory that is never used, in bytes.
    private static let reserveBytes = 128 << 20

    /// A snapshot without memory.
    ///
    /// - Parameter availableBytes: Returns the memory that may be allocated, in bytes.
    package init(availableBytes: @escaping () -> Int = SystemMemory.availableBytes) {
        self.availableBytes = availableBytes
    }

    deinit { free(memory?.baseAddress) }

    /// Copies all tensors in the given order.
    ///
    /// - Returns: The copies, valid until the next call or until the snapshot is freed; nil if there is not enough
    ///   memory, in which case no tensor was read.
    /// - Throws: The error of a tensor's `forEachBlock`.
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
                precondition(
                    end - start == tensor.byteCount, "The size of tensor \(tensor.name) differs from the declared size."
                )
                copied.append(
                    TensorSource(
                        name: tensor.name, type: tensor.type, shape: tensor.shape,
                        bytes: UnsafeRawBufferPointer(rebasing: memory[start..<end])))
            }
            copies.append((name, copied))
        }
        return copies
    }

    /// Returns memory for `count` bytes; nil if the system has too little.
    private func take(_ count: Int) -> UnsafeMutableRawBufferPointer? {
        if let memory, memory.count >= count { return memory }
        free(memory?.baseAddress)
        memory = nil
        // Linux overcommits memory and may kill a process that uses it; so the available memory is checked
        // first.
        guard count <= availableBytes() - TensorSnapshot.reserveBytes, !SystemFault.strikes(.allocate),
            let start = malloc(max(count, 1))
        else { return nil }
        memory = UnsafeMutableRawBufferPointer(start: start, count: max(count, 1))
        return memory
    }
}
