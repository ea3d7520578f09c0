import Failures
import Numbers
import Tensors

/// The element type of a tensor in a GGUF file.
enum GGUFType: UInt32, Sendable {
    case float32 = 0
    case float16 = 1
    /// Blocks of 32 signed bytes with a common factor.
    case q8 = 8
    case bfloat16 = 30

    /// The number of elements of a block of `q8`.
    static let blockSize = 32
    /// The bytes of such a block: a Float16 and the elements.
    static let blockBytes = 34

    /// The number of bytes of a row of `width` elements; for `q8` a multiple of `blockSize`.
    func rowBytes(_ width: Int) -> Int {
        switch self {
        case .float32: 4 * width
        case .float16, .bfloat16: 2 * width
        case .q8: width / GGUFType.blockSize * GGUFType.blockBytes
        }
    }
}

/// A tensor of a GGUF file, whose rows are taken from elsewhere.
struct GGUFTensor {
    let name: String
    /// The extents, that of a row last.
    let shape: [Int]
    let type: GGUFType
    /// Returns a row of Float32 values.
    let row: (_ index: Int) -> UnsafePointer<Float>

    /// The number of bytes of its data.
    var byteCount: Int { rows * type.rowBytes(width) }

    private var width: Int { shape.last! }
    private var rows: Int { shape.dropLast().reduce(1, *) }

    /// Calls `body` with the bytes of each row.
    ///
    /// - Throws: `usage` if a value exceeds the range of Float16.
    func forEachRow(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, type.rowBytes(width)), alignment: 64)
        defer { bytes.deallocate() }
        let base = bytes.baseAddress!
        for index in 0..<rows {
            let values = row(index)
            switch type {
            case .float32:
                base.bindMemory(to: Float.self, capacity: width).update(from: values, count: width)
            case .float16:
                let halves = base.bindMemory(to: Float16.self, capacity: width)
                convert(values, into: halves, count: width)
                try requireFinite(halves)
            case .bfloat16:
                convert(values, into: base.bindMemory(to: BFloat16.self, capacity: width), count: width)
            case .q8:
                for block in 0..<width / GGUFType.blockSize {
                    quantize(values + block * GGUFType.blockSize, into: base + block * GGUFType.blockBytes)
                }
            }
            try body(UnsafeRawBufferPointer(start: base, count: type.rowBytes(width)))
        }
    }

    private func requireFinite(_ halves: UnsafeMutablePointer<Float16>) throws(Failure) {
        let bytes = UnsafeRawBufferPointer(start: halves, count: width * 2)
        guard firstNonFinite(bytes, .float16) != nil else { return }
        throw Failure(
            .usage,
            "export: --type float16: \(name) has a value beyond the range of Float16 (65504). Use --type bfloat16 or "
                + "float32.")
    }
}

/// Writes 32 values as a factor, their largest magnitude / 127 in Float16, and their quotients by it, rounded to signed
/// bytes.
///
/// - Source: the type Q8_0 of ggml.
private func quantize(_ values: UnsafePointer<Float>, into block: UnsafeMutableRawPointer) {
    var largest: Float = 0
    for i in 0..<GGUFType.blockSize { largest = max(largest, values[i].magnitude) }
    let factor = largest / 127
    let inverse = factor == 0 ? 0 : 1 / factor
    block.storeBytes(of: Float16(factor), as: Float16.self)
    for i in 0..<GGUFType.blockSize {
        block.storeBytes(of: Int8((values[i] * inverse).rounded()), toByteOffset: 2 + i, as: Int8.self)
    }
}
