import Collectives
import Failures
import Glibc
import Metrics
import Texts
import Training

extension LoneRank {
    /// Refuses to run `command` in a process that does not know of the others that were started with it.
    ///
    /// - Throws: `AgreedFailure` with `usage`, in which only the first of the processes has a message.
    static func refuse(_ command: String, _ communicator: any Communicator) throws {
        let found = LoneRank(worldSize: communicator.size) { name in getenv(name).map { String(cString: $0) } }
        guard let found else { return }
        let words = CommandLine.words.map(shellWord).joined(separator: " ")
        throw AgreedFailure(
            Failure(.usage, found.index == 0 ? found.message(command, words) : ""))
    }

    /// What a person should do instead.
    ///
    /// - Parameter words: The command line, as it can be pasted.
    func message(_ command: String, _ words: String) -> String {
        switch launcher {
        case .slurm:
            """
            \(command): this is task \(index) of a Slurm step of \(count) tasks, which srun has not connected by PMIx: each of \
            them would do the work of all. Start one job instead, inside the allocation either by
              mpirun -np \(count) \(words)
            or, where srun --mpi=list shows pmix, by
              srun --mpi=pmix -n \(count) \(words)
            Tasks that have nothing to do with each other are started by: env -u SLURM_PROCID \(words)
            """
        case .otherMPI:
            """
            \(command): this is process \(index) of \(count), but they were started by the mpirun of another MPI, and each of \
            them would do the work of all. Start them by Open MPI's, which launch/setup installs:
              mpirun.openmpi -np \(count) \(words)
            """
        }
    }
}
