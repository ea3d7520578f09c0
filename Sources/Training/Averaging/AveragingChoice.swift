import Collectives
import Failures
import Files
import Glibc
import Kernels
import Profiling
import Tensors

/// The averaging that a job uses, and what a person should know about the choice.
struct AveragingChoice<Element: Storage> {
    let averaging: any GradientAveraging<Element>
    /// Why the configuration's first wish is not met, the same on every rank.
    let warning: String?

    /// Makes the averaging that `configuration` asks for. Every rank chooses alike.
    ///
    /// - Throws: `AgreedFailure` with `usage` where shared memory was asked for by name and cannot be had.
    init(
        _ configuration: AveragingConfiguration, layout: ParameterLayout, _ communicator: any Communicator,
        _ spans: SpanRecorder = SpanRecorder()
    ) throws {
        let isOneNode = communicator.localSize == communicator.size
        let isRounded = configuration.wire == .float16
        switch configuration.strategy {
        case .sharedMemory where !isOneNode:
            throw AgreedFailure(
                Failure(
                    .usage,
                    "averaging.strategy: found shared_memory, and the \(communicator.size) ranks are on several hosts. "
                        + "Allowed there: auto, allreduce."))
        case .sharedMemory,
            .auto where isOneNode && !isRounded:
            if let obstacle = try communicator.obstacleToWindows(
                bytes: SharedMemoryAveraging<Element>.windowBytes(count: layout.count, ranks: communicator.size))
            {
                guard configuration.strategy == .auto else {
                    throw AgreedFailure(
                        Failure(
                            .usage,
                            "averaging.strategy: found shared_memory, which cannot be had: \(obstacle) "
                                + "Allowed here: auto, allreduce."))
                }
                averaging = ExchangeAveraging(layout: layout, configuration, communicator, spans)
                warning = "warning: averaging by allreduce, because memory cannot be shared: \(obstacle)"
            } else {
                averaging = try SharedMemoryAveraging(count: layout.count, communicator, spans)
                warning = nil
            }
        case .auto, .allreduce:
            averaging = ExchangeAveraging(layout: layout, configuration, communicator, spans)
            warning = nil
        }
    }
}

extension Communicator {
    /// Why the ranks, all of them on this node, cannot share `bytes` of memory, the same text on every rank; nil where
    /// they can.
    ///
    /// Windows have files. Where the file system is full, a rank dies at the first touch of a page that it has no room
    /// for; where ranks see different file systems under one name, MPI waits for ever. So both are asked before.
    func obstacleToWindows(bytes: Int) throws -> String? {
        if size == 1 { return nil }
        do {
            // Every rank knows whether rank 0 knows, and takes its answer.
            let directory = try onFirstRank { windowDirectory ?? "" }
            if directory.isEmpty { return nil }
            let probe = try onFirstRank { () throws(Failure) in
                let free = try FileSystem.freeBytes(in: directory)
                guard bytes <= free else {
                    throw Failure(
                        .inputOutput,
                        "\(directory) has \(free >> 20) MB free, \((bytes >> 20) + 1) MB are needed. Make it larger "
                            + "(mount -o remount,size=…; in a container --shm-size), or name another directory in the "
                            + "environment: OMPI_MCA_osc_sm_backing_directory.")
                }
                let path = "\(directory)/dtrain-\(getpid())-\(UInt64.random(in: 0 ... .max))"
                try File(path, .create, followingLinks: false).write(path)
                return path
            }
            defer { if rank == 0 { try? FileSystem.remove(probe) } }
            try together { () throws(Failure) in
                let text = try? FileSystem.contents(of: probe, limitBytes: 4096, followingLinks: false)
                guard text == Array(probe.utf8) else {
                    throw Failure(
                        .inputOutput,
                        "\(directory) is not the same to all ranks: they run in different containers or namespaces. "
                            + "Start them in one.")
                }
            }
            return nil
        } catch let agreed as AgreedFailure {
            return agreed.failure.message
        }
    }
}
