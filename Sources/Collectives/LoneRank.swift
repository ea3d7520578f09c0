/// A process that a launcher started as one of several, but that MPI does not connect with the others.
package struct LoneRank: Equatable, Sendable {
    /// What started the processes.
    package enum Launcher: Sendable {
        /// Slurm's `srun`, without PMIx.
        case slurm
        /// The `mpirun` of another MPI than the program's.
        case otherMPI
    }

    package let launcher: Launcher
    /// The number that the launcher gave this process.
    package let index: Int
    /// The number of processes that the launcher started.
    package let count: Int

    /// Finds out whether this process, which MPI says is one of `worldSize`, is such a process; nil where it is not.
    ///
    /// A Slurm batch script, and a step of one task, are no such processes.
    ///
    /// - Parameter environment: The value of a variable of the environment.
    package init?(worldSize: Int, environment: (String) -> String?) {
        guard worldSize == 1 else { return nil }
        func number(_ name: String) -> Int? { environment(name).flatMap { Int($0) } }
        // The program's own mpirun says how many there are, and so MPI knows them all.
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
