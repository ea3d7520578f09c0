import Glibc
import Testing

extension MultiprocessTests {
    /// Runs in which the ranks of a node cannot share memory.
    @Suite struct SharedMemoryTests {
        /// Whether a process may mount its own /dev/shm here.
        static let canMount: Bool = {
            let words = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=8m", "none", "/dev/shm"]
            return Job(words, in: "/").finish().exitCode == 0
        }()

        /// Trains with 2 ranks in a private mount namespace, after the shell commands `preparation`.
        private func start(_ workshop: Workshop, after preparation: String, _ sets: [String]) -> Job {
            let words = ["mpirun", "-np", "2", Workshop.binary] + Workshop.training(sets, output: "private")
            return Job(
                ["unshare", "-rm", "sh", "-c", preparation + #" && exec "$@""#, "sh"] + words,
                in: workshop.directory.path)
        }

        /// Three times this model's 7 MB do not fit in 16 MB.
        private static let larger = ["model.width=256", "model.heads=4", "training.steps=4"]
        private static let smallMemory = "mount -t tmpfs -o size=16m none /dev/shm"

        @Test(.enabled(if: canMount))
        func smallFileSystemFallsBackToAllreduce() throws {
            let workshop = try Workshop()
            let outcome = start(workshop, after: SharedMemoryTests.smallMemory, SharedMemoryTests.larger).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let warnings = outcome.output.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
            #expect(warnings.count == 1, "\(outcome.output)")
            #expect(warnings.first?.contains("averaging by allreduce") == true)
            #expect(warnings.first?.contains("/dev/shm has ") == true)
            #expect(outcome.output.contains("averaging allreduce"))
            let whole = workshop.start(Workshop.training(SharedMemoryTests.larger)).finish()
            #expect(whole.exitCode == 0, "\(whole.errors)")
            #expect(workshop.digest("private", step: 4) == workshop.digest(step: 4))
        }

        @Test(.enabled(if: canMount))
        func rejectsExplicitSharedMemoryWithoutSpace() throws {
            let workshop = try Workshop()
            let sets = SharedMemoryTests.larger + ["averaging.strategy=shared_memory"]
            let outcome = start(workshop, after: SharedMemoryTests.smallMemory, sets).finish()
            expectRefusal(
                outcome, 64, "averaging.strategy: found shared_memory", "/dev/shm has ", "auto, allreduce", "--shm-size"
            )
        }

        /// Each rank has its own /dev/shm, like processes in separate containers.
        @Test(.enabled(if: canMount))
        func detectsSeparateSharedMemory() throws {
            let workshop = try Workshop()
            let wrapper = [
                "sh", "-c", #"mount -t tmpfs none /dev/shm && exec "$@""#, "sh", Workshop.binary,
            ]
            func start(_ sets: [String]) -> Job.Outcome {
                Job(
                    ["mpirun", "-np", "2", "--mca", "btl", "tcp,self", "unshare", "-rm"] + wrapper
                        + Workshop.training(sets, output: "private"),
                    in: workshop.directory.path
                ).finish()
            }
            let outcome = start(["training.steps=4"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("warning: averaging by allreduce"), "\(outcome.output)")
            #expect(
                outcome.output.contains("rank 1: /dev/shm is not the same directory for all ranks"), "\(outcome.output)"
            )
            expectRefusal(
                start(["averaging.strategy=shared_memory"]), 64, "found shared_memory", "Start them in the same one.")
        }

        /// A backing directory that does not exist, set by the environment variable, is named in the message.
        @Test func reportsMissingBackingDirectory() throws {
            let workshop = try Workshop()
            let variable = ["OMPI_MCA_osc_sm_backing_directory": workshop.directory.file("none")]
            let outcome = workshop.start(
                Workshop.training(["training.steps=4"]), ranks: 2, environment: variable
            ).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("warning: averaging by allreduce"), "\(outcome.output)")
            let refused = workshop.start(
                Workshop.training(["averaging.strategy=shared_memory"]), ranks: 2, environment: variable
            ).finish()
            expectRefusal(refused, 64, "averaging.strategy: found shared_memory", workshop.directory.file("none"))
        }
    }
}
