import Collectives
import Failures
import Glibc
import Metrics
import Texts

extension LoneRank {
    /// Throws if this process does not know of other processes that were started with it.
    ///
    /// - Throws: `AgreedFailure` with `usage`; its message is empty on all processes except the first.
    static func refuse(_ command: String, _ communicator: any Communicator) throws {
        let found = LoneRank(worldSize: communicator.size) { name in getenv(name).map { String(cString: $0) } }
        guard let found else { return }
        let words = CommandLine.words.map(shellWord).joined(separator: " ")
        throw AgreedFailure(
            Failure(.usage, found.index == 0 ? found.message(command, words) : ""))
    }

    /// The message, with the command to use instead.
    ///
    /// - Parameter words: The command line, quoted for a shell.
    func message(_ command: String, _ words: String) -> String {
        switch launcher {
        case .slurm:
            """
            \(command): this is task \(index) of a Slurm step of \(count) tasks, which srun has not connected by PMIx: each of \
            them would do the whole work. Start one job instead, inside the allocation either by
              mpirun -np \(count) \(words)
            or, if srun --mpi=list shows pmix, by
              srun --mpi=pmix -n \(count) \(words)
            Independent tasks are started by: env -u SLURM_PROCID \(words)
            """
        case .otherMPI:
            """
            \(command): this is process \(index) of \(count), but they were started by the mpirun of another MPI, and each of \
            them would do the whole work. Start them with Open MPI's mpirun, which launch/setup installs:
              mpirun.openmpi -np \(count) \(words)
            """
        }
    }
}
