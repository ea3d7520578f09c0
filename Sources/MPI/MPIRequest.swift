import CMPI
import Collectives

/// A non-blocking MPI call that has not completed yet.
final class MPIRequest: CommunicationRequest {
    private var request: cmpi_request?

    init(_ request: cmpi_request) { self.request = request }

    func test() throws(MPIError) -> Bool {
        var done: Int32 = 0
        try MPIError.check(cmpi_test(&request, &done), "MPI_Test")
        return done != 0
    }

    func wait() throws(MPIError) { try MPIError.check(cmpi_wait(&request), "MPI_Wait") }
}
