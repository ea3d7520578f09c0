import Glibc

/// The most capable instructions that kernels may use, where `DTRAIN_KERNELS` limits them: for tests and comparisons.
package enum KernelLimit: String, CaseIterable, Sendable {
    /// Vector instructions only: the matrix unit is not used, and products go through oneDNN.
    case avx512

    /// The environment variable that sets the limit. Unset or empty means no limit.
    package static let variable = "DTRAIN_KERNELS"

    /// The text of the variable; nil where it is unset or empty.
    package static var requested: String? {
        guard let text = getenv(variable), text[0] != 0 else { return nil }
        return String(cString: text)
    }

    /// The limit of this process; nil means none. An unknown value counts as none: the program refuses it when it starts.
    static let current = requested.flatMap(KernelLimit.init)
}
