import CProducts
import Glibc

/// The limit that `DTRAIN_KERNELS` sets on the instructions used by kernels, for tests and comparisons.
package enum KernelLimit: String, CaseIterable, Sendable {
    /// No AVX-512 in matmuls.
    case avx2
    /// No instructions for bfloat16, and no matrix unit.
    case avx512
    /// Vector instructions only.
    case avx512_bf16
    /// All instructions that this version knows.
    case amx

    /// The environment variable that sets the limit. Unset or empty means no limit.
    package static let variable = "DTRAIN_KERNELS"

    /// The value of the variable, or nil if it is unset or empty.
    package static var requested: String? {
        guard let text = getenv(variable), text[0] != 0 else { return nil }
        return String(cString: text)
    }

    /// The limit of this process, or nil for none. An unknown value means no limit here; the program rejects it at
    /// start.
    static let current = requested.flatMap(KernelLimit.init)

    /// The vector instructions for matmuls within the limit.
    var level: cproducts_level {
        switch self {
        case .avx2: cproducts_avx2
        case .avx512: cproducts_avx512
        case .avx512_bf16, .amx: cproducts_avx512_bf16
        }
    }
}
