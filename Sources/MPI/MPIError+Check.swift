import CMPI
import Collectives

extension MPIError {
    /// Throws unless `code` is 0 (success).
    static func check(_ code: Int32, _ call: String) throws(MPIError) {
        if code == 0 { return }
        let errorClass = Int(cmpi_error_class(code))
        throw MPIError(call: call, errorClass: errorClass, text: meaning(cmpi_error_kind_of(code)))
    }

    /// An explanation of an error kind for this program. Open MPI's own strings only name the error class.
    static func meaning(_ kind: cmpi_error_kind) -> String {
        switch kind {
        case cmpi_error_truncated: "a rank sent more than another expected; the ranks may run different builds"
        case cmpi_error_memory: "MPI has no memory left on this host"
        case cmpi_error_argument:
            "MPI rejected an argument, because of a bug in this program or a wrong build of it"
        default: "MPI failed because of the network, a lost process, or an internal error"
        }
    }
}
