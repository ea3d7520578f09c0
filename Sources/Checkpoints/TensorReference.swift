import Failures

/// A tensor that is to be written: it lies in memory, or comes block by block.
package struct TensorSource {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    /// How many bytes its blocks hold together.
    package let byteCount: Int
    /// Gives `body` its row-major elements, block after block; a block lives until `body` returns.
    package let forEachBlock: (_ body: Body) throws(Failure) -> Void

    /// What is done with a block.
    package typealias Body = (UnsafeRawBufferPointer) throws(Failure) -> Void

    /// The size of blocks that a file is read and written in: few enough bytes to stay in the cache for a second hash.
    package static let blockBytes = 1 << 20

    /// A tensor whose `bytes`, as many as `type` and `shape` ask for, live until the write has returned.
    package init(name: String, type: TensorType, shape: [Int], bytes: UnsafeRawBufferPointer) {
        precondition(type.byteCount(shape: shape) == bytes.count, "The tensor \(name) has a buffer of another size.")
        self.init(name: name, type: type, shape: shape) { body throws(Failure) in
            var offset = 0
            while offset < bytes.count {
                let end = min(offset + TensorSource.blockBytes, bytes.count)
                try body(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
                offset = end
            }
        }
    }

    /// A tensor that comes in blocks of at most about `blockBytes`, together as many bytes as `type` and `shape` ask for.
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

/// A place that a stored tensor is to be read into: it lies in memory, or takes block by block.
package struct TensorDestination {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    /// Asks `read` for all row-major elements.
    let fill: (_ read: Read) throws(Failure) -> Void

    /// Fills a buffer with the tensor's bytes from an offset on.
    package typealias Read = (_ buffer: UnsafeMutableRawBufferPointer, _ offset: Int) throws(Failure) -> Void

    /// A place whose `bytes` are as many as `type` and `shape` ask for.
    package init(name: String, type: TensorType, shape: [Int], bytes: UnsafeMutableRawBufferPointer) {
        precondition(type.byteCount(shape: shape) == bytes.count, "The tensor \(name) has a buffer of another size.")
        self.init(name: name, type: type, shape: shape) { read throws(Failure) in try read(bytes, 0) }
    }

    /// A place that asks for its bytes itself, as many as `type` and `shape` say.
    package init(
        name: String, type: TensorType, shape: [Int], fill: @escaping (_ read: Read) throws(Failure) -> Void
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.fill = fill
    }
}
