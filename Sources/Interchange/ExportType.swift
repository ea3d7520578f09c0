import Checkpoints

/// The type of the weights in an exported model.
package enum ExportType: String, CaseIterable, Sendable {
    case float32
    case float16
    case bfloat16
    /// Signed bytes with a Float16 factor for every 32; only for GGUF.
    case q8 = "q8_0"

    /// The type in safetensors files; nil if they have none.
    package var tensorType: TensorType? {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .q8: nil
        }
    }
}
