import Collectives
import Failures
import Kernels
import Profiling
import Tensors

/// The averaging that a job uses, and what a person should know about the choice.
package struct AveragingChoice<Element: Storage> {
    package let averaging: any GradientAveraging<Element>
    /// Why the configuration's first wish is not met, the same on every rank.
    package let warning: String?

    /// Makes the averaging that `configuration` asks for. Every rank chooses alike.
    ///
    /// - Throws: `AgreedFailure` with `usage` where shared memory was asked for by name and cannot be had.
    package init(
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
