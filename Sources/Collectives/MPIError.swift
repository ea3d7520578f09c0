import CMPI
import Failures

/// An MPI call that failed: which one, the class of the error, and Open MPI's own words.
package struct MPIError: Error, CustomStringConvertible, Sendable {
    /// The call, as MPI names it: "MPI_Allreduce".
    package let call: String
    /// MPI's error class, such as 2 for a wrong count.
    package let errorClass: Int
    /// Open MPI's text, or ours for what is refused before MPI is asked.
    package let text: String

    package var description: String { "\(call) failed (class \(errorClass)): \(text)" }

    /// A refusal of ours, before the call.
    static func refused(_ call: String, _ text: String) -> MPIError { MPIError(call: call, errorClass: 0, text: text) }

    /// Throws unless `code` is success.
    static func check(_ code: Int32, _ call: String) throws(MPIError) {
        if code == 0 { return }
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            cmpi_error_text(code, buffer.baseAddress)
            return String(cString: buffer.baseAddress!)
        }
        throw MPIError(call: call, errorClass: Int(cmpi_error_class(code)), text: text)
    }
}
