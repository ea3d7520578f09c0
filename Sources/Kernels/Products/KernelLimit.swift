import Glibc

/// The limit that `DTRAIN_KERNELS` sets on the instructions used by kernels, for tests and comparisons.
package enum KernelLimit: String, CaseIterable, Sendable {
    /// Vector instructions only: AMX is not used, and oneDNN computes matmuls.
    case avx512

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
}
