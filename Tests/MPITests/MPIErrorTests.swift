import CMPI
import Collectives
import Testing

@testable import MPI

struct MPIErrorTests {
    /// Open MPI's own strings only name the error class; dtrain's messages explain it and name a remedy.
    @Test func messagesExplainErrorClasses() {
        for (kind, words) in [
            (cmpi_error_truncated, "the ranks may run different builds"), (cmpi_error_memory, "no memory left"),
            (cmpi_error_argument, "a bug in this program"), (cmpi_error_other, "a lost process"),
        ] {
            let text = "\(MPIError(call: "MPI_Allreduce", errorClass: 15, text: MPIError.meaning(kind)))"
            #expect(text.hasPrefix("MPI_Allreduce failed (class 15): ") && text.contains(words), "\(text)")
            #expect(text.hasSuffix("Start the job again; a run resumes from its newest checkpoint."))
        }
    }
}
