// Argument checks before an MPI call: mistakes that MPI would accept silently and answer with wrong results.

/// Throws unless both buffers have the same length and do not overlap. The same buffer twice is accepted if
/// `mayBeSame`.
package func checkBuffers(
    _ send: UnsafeRawBufferPointer, _ receive: UnsafeMutableRawBufferPointer, mayBeSame: Bool, _ call: String
) throws(MPIError) {
    guard send.count == receive.count else {
        throw .refused(call, "\(send.count) bytes are sent and \(receive.count) received")
    }
    guard send.count > 0, let from = send.baseAddress, let to = receive.baseAddress else { return }
    if mayBeSame, from == UnsafeRawPointer(to) { return }
    guard from + send.count <= to || to + receive.count <= from else {
        throw .refused(call, "the buffers overlap")
    }
}

/// Throws unless `total` bytes are `size` blocks of `block` bytes each.
package func checkBlocks(_ total: Int, of block: Int, size: Int, _ call: String) throws(MPIError) {
    guard total == block * size else {
        throw .refused(call, "\(size) blocks of \(block) bytes do not make \(total) bytes")
    }
}

/// Throws unless `root` is in 0 ..< `size`.
package func checkRoot(_ root: Int, size: Int, _ call: String) throws(MPIError) {
    guard root >= 0, root < size else { throw .refused(call, "the root \(root) is not a rank in 0 ..< \(size)") }
}
