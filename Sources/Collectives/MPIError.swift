import CMPI
import Failures

/// An MPI call that failed: which one, the class of the error, and what that means.
package struct MPIError: Error, CustomStringConvertible, Sendable {
    /// The call, as MPI names it: "MPI_Allreduce".
    package let call: String
    /// MPI's error class, such as 2 for a wrong count; 0 for what is refused before MPI is asked.
    package let errorClass: Int
    /// What happened, in a sentence without its period.
    package let text: String

    package var description: String {
        let kind = errorClass == 0 ? "" : " (class \(errorClass))"
        return "\(call) failed\(kind): \(text). Start the job again; a run goes on from its newest checkpoint."
    }

    /// A refusal of ours, before the call.
    static func refused(_ call: String, _ text: String) -> MPIError { MPIError(call: call, errorClass: 0, text: text) }

    /// Throws unless `code` is success.
    static func check(_ code: Int32, _ call: String) throws(MPIError) {
        if code == 0 { return }
        let errorClass = Int(cmpi_error_class(code))
        throw MPIError(call: call, errorClass: errorClass, text: meaning(cmpi_error_kind_of(code)))
    }

    /// What a kind of error means here. Open MPI's own texts are the names of its classes.
    static func meaning(_ kind: cmpi_error_kind) -> String {
        switch kind {
        case cmpi_error_truncated: "a rank sent more than another expected, as ranks of different builds do"
        case cmpi_error_memory: "MPI has no memory left on this host"
        case cmpi_error_argument:
            "MPI did not accept what it was given, which is a fault of this program or of its build"
        default: "MPI could not do it, because of the network, a lost process, or a fault of its own"
        }
    }
}
