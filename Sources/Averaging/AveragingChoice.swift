import Collectives
import Failures
import Kernels
import Profiling
import Tensors

/// The gradient averaging that a job uses, and a warning if it is not the preferred one.
package struct AveragingChoice<Element: Storage> {
    /// The averaging.
    package let averaging: any GradientAveraging<Element>
    /// Why the preferred strategy is unavailable; the same on every rank. nil if it is available.
    package let warning: String?

    /// Selects the strategy by `configuration`. Every rank calls this and makes the same choice.
    ///
    /// - Throws: `AgreedFailure` with `usage` if shared memory is requested explicitly but unavailable.
    package init(
        _ configuration: AveragingConfiguration, layout: ParameterLayout, _ communicator: any Communicator,
        _ spans: SpanRecorder = SpanRecorder()
    ) throws {
        let isOneNode = communicator.localSize == communicator.size
        let isRounded = configuration.wire != .float32
        switch configuration.strategy {
        case .sharedMemory where !isOneNode:
            throw AgreedFailure(
                Failure(
                    .usage,
                    "averaging.strategy: found shared_memory, but the \(communicator.size) ranks run on several hosts. "
                        + "Allowed: auto, allreduce."))
        case .sharedMemory,
            .auto where isOneNode && !isRounded:
            if let obstacle = try communicator.obstacleToWindows(
                bytes: SharedMemoryAveraging<Element>.windowBytes(count: layout.count, ranks: communicator.size))
            {
                guard configuration.strategy == .auto else {
                    throw AgreedFailure(
                        Failure(
                            .usage,
                            "averaging.strategy: found shared_memory, which is unavailable: \(obstacle) "
                                + "Allowed: auto, allreduce."))
                }
                averaging = ExchangeAveraging(layout: layout, configuration, communicator, spans)
                warning = "warning: averaging by allreduce, because shared memory is unavailable: \(obstacle)"
            } else {
                averaging = try SharedMemoryAveraging(layout: layout, communicator, spans)
                warning = nil
            }
        case .auto, .allreduce:
            averaging = ExchangeAveraging(layout: layout, configuration, communicator, spans)
            warning = nil
        }
    }
}
