import Failures

/// A tensor to write, from memory or as a sequence of blocks.
package struct TensorSource {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    /// The total size of its blocks in bytes.
    package let byteCount: Int
    /// Calls `body` with blocks of the row-major elements in order; a block is valid until `body` returns.
    package let forEachBlock: (_ body: Body) throws(Failure) -> Void

    /// Consumes a block.
    package typealias Body = (UnsafeRawBufferPointer) throws(Failure) -> Void

    /// The block size for reading and writing files: small enough that a block stays in the CPU cache for a second
    /// hash.
    package static let blockBytes = 1 << 20

    /// A tensor in memory. `bytes` must have the size given by `type` and `shape`, and must stay valid until the write
    /// has returned.
    package init(name: String, type: TensorType, shape: [Int], bytes: UnsafeRawBufferPointer) {
        precondition(type.byteCount(shape: shape) == bytes.count, "The buffer of tensor \(name) has the wrong size.")
        self.init(name: name, type: type, shape: shape) { body throws(Failure) in
            var offset = 0
            while offset < bytes.count {
                let end = min(offset + TensorSource.blockBytes, bytes.count)
                try body(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
                offset = end
            }
        }
    }

    /// A tensor from blocks of about `blockBytes` at most; their total size must be that given by `type` and `shape`.
    package init(
        name: String, type: TensorType, shape: [Int], blocks: @escaping (_ body: Body) throws(Failure) -> Void
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        byteCount = type.byteCount(shape: shape)!
        forEachBlock = blocks
    }
}

/// The destination of a stored tensor: memory, or a closure that reads the tensor block by block.
package struct TensorDestination {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    /// Calls `read` for all row-major elements.
    let fill: (_ read: Read) throws(Failure) -> Void

    /// Fills a buffer with the tensor's bytes, starting at an offset.
    package typealias Read = (_ buffer: UnsafeMutableRawBufferPointer, _ offset: Int) throws(Failure) -> Void

    /// A destination in memory. `bytes` must have the size given by `type` and `shape`.
    package init(name: String, type: TensorType, shape: [Int], bytes: UnsafeMutableRawBufferPointer) {
        precondition(type.byteCount(shape: shape) == bytes.count, "The buffer of tensor \(name) has the wrong size.")
        self.init(name: name, type: type, shape: shape) { read throws(Failure) in try read(bytes, 0) }
    }

    /// A destination that reads its bytes itself, as many as given by `type` and `shape`.
    package init(
        name: String, type: TensorType, shape: [Int], fill: @escaping (_ read: Read) throws(Failure) -> Void
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.fill = fill
    }
}
