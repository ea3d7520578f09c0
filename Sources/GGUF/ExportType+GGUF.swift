import Interchange

extension ExportType {
    /// The type of a matrix with rows of `width` elements in a GGUF file.
    func stored(width: Int) -> GGUFType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        // Rows that are no whole number of blocks are stored in Float16, as llama.cpp does.
        case .q8: width % GGUFType.blockSize == 0 ? .q8 : .float16
        }
    }

    /// The number of the type in `general.file_type` of a GGUF file.
    var fileType: Int {
        switch self {
        case .float32: 0
        case .float16: 1
        case .bfloat16: 32
        case .q8: 7
        }
    }
}
