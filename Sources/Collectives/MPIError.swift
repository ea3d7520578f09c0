/// A failed MPI call: its name, the error class, and an explanation.
package struct MPIError: Error, CustomStringConvertible, Sendable {
    /// MPI's name of the call, for example "MPI_Allreduce".
    package let call: String
    /// MPI's error class, for example 2 (invalid count); 0 if the arguments were rejected before the call.
    package let errorClass: Int
    /// A description of the failure: a sentence without its period.
    package let text: String

    package init(call: String, errorClass: Int, text: String) {
        (self.call, self.errorClass, self.text) = (call, errorClass, text)
    }

    package var description: String {
        let kind = errorClass == 0 ? "" : " (class \(errorClass))"
        return "\(call) failed\(kind): \(text). Start the job again; a run resumes from its newest checkpoint."
    }

    /// An error for arguments that were rejected before the MPI call.
    package static func refused(_ call: String, _ text: String) -> MPIError {
        MPIError(call: call, errorClass: 0, text: text)
    }
}
