/// A process that a launcher started as one of several, but that MPI did not connect to the others.
package struct LoneRank: Equatable, Sendable {
    /// The launcher of the processes.
    package enum Launcher: Sendable {
        /// Slurm's `srun` without PMIx.
        case slurm
        /// The `mpirun` of an MPI implementation other than the one that the program is linked to.
        case otherMPI
    }

    package let launcher: Launcher
    /// The index that the launcher gave this process.
    package let index: Int
    /// The number of processes that the launcher started.
    package let count: Int

    /// Detects from the environment whether this process is a lone rank; nil if it is not.
    ///
    /// A Slurm batch script or a job step with one task is not a lone rank.
    ///
    /// - Parameters:
    ///   - worldSize: The number of ranks that MPI reports.
    ///   - environment: Returns the value of an environment variable.
    package init?(worldSize: Int, environment: (String) -> String?) {
        guard worldSize == 1 else { return nil }
        func number(_ name: String) -> Int? { environment(name).flatMap { Int($0) } }
        // Open MPI's own mpirun sets this variable; MPI then knows all processes.
        guard number("OMPI_COMM_WORLD_SIZE") == nil else { return nil }
        if let index = number("SLURM_PROCID"), let count = number("SLURM_STEP_NUM_TASKS"), count > 1 {
            self.init(launcher: .slurm, index: index, count: count)
        } else if let index = number("PMI_RANK"), let count = number("PMI_SIZE"), count > 1 {
            self.init(launcher: .otherMPI, index: index, count: count)
        } else {
            return nil
        }
    }

    private init(launcher: Launcher, index: Int, count: Int) {
        (self.launcher, self.index, self.count) = (launcher, index, count)
    }
}
