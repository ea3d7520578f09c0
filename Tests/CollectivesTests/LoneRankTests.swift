import Testing

@testable import Collectives

@Suite struct LoneRankTests {
    private func found(_ environment: [String: String], worldSize: Int = 1) -> LoneRank? {
        LoneRank(worldSize: worldSize) { environment[$0] }
    }

    @Test func detectsUnconnectedTasks() throws {
        let task = try #require(found(["SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "3", "SLURM_NTASKS": "3"]))
        #expect(task.launcher == .slurm && task.index == 2 && task.count == 3)
        let process = try #require(found(["PMI_RANK": "0", "PMI_SIZE": "8"]))
        #expect(process.launcher == .otherMPI && process.index == 0 && process.count == 8)
    }

    @Test(arguments: [
        [:],
        // A batch script, and a shell in an allocation.
        ["SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"], ["SLURM_NTASKS": "4", "SLURM_NPROCS": "4"],
        // A job step with one task; the job has more.
        ["SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "4"],
        // mpirun -np 1 within a step.
        ["SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "4", "OMPI_COMM_WORLD_SIZE": "1"],
        ["SLURM_STEP_NUM_TASKS": "4"], ["SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "four"],
        ["PMI_RANK": "0", "PMI_SIZE": "1"],
    ])
    func ignoresSingleProcesses(environment: [String: String]) { #expect(found(environment) == nil) }

    @Test func ignoresConnectedTasks() {
        #expect(found(["SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4"], worldSize: 4) == nil)
    }
}
