/// A tensor in memory that is to be written.
package struct TensorSource {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    /// Row-major elements; they must live until the write has returned.
    package let bytes: UnsafeRawBufferPointer

    /// A tensor whose `bytes` are as many as `type` and `shape` ask for.
    package init(name: String, type: TensorType, shape: [Int], bytes: UnsafeRawBufferPointer) {
        precondition(type.byteCount(shape: shape) == bytes.count, "The tensor \(name) has a buffer of another size.")
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }
}

/// A place in memory that a stored tensor is to be read into.
package struct TensorDestination {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    /// Room for the row-major elements.
    package let bytes: UnsafeMutableRawBufferPointer

    /// A place whose `bytes` are as many as `type` and `shape` ask for.
    package init(name: String, type: TensorType, shape: [Int], bytes: UnsafeMutableRawBufferPointer) {
        precondition(type.byteCount(shape: shape) == bytes.count, "The tensor \(name) has a buffer of another size.")
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }
}
