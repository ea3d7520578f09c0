import Tensors

/// The element type of a stored tensor, by its safetensors name.
package enum TensorType: String, Sendable, CaseIterable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case boolean = "BOOL"

    /// The type for a floating-point format.
    package init(_ format: FloatFormat) {
        self =
            switch format {
            case .float64: .float64
            case .float32: .float32
            case .float16: .float16
            case .bfloat16: .bfloat16
            }
    }

    /// The size of an element in bytes.
    package var byteCount: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .boolean: 1
        }
    }

    /// The floating-point format; nil for integers and Booleans.
    package var floatFormat: FloatFormat? {
        switch self {
        case .float64: .float64
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .boolean: nil
        }
    }

    /// The size in bytes of a tensor of that shape; nil if it overflows `Int` or a dimension is negative.
    package func byteCount(shape: [Int]) -> Int? {
        var bytes = byteCount
        for extent in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else { return nil }
            bytes = product
        }
        return bytes
    }
}
