import Collectives
import Failures
import Numbers
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
    /// - Throws: `AgreedFailure` with `usage` if a strategy with shared memory is requested explicitly but unavailable.
    package init(
        _ configuration: AveragingConfiguration, layout: ParameterLayout, _ communicator: any Communicator,
        _ spans: SpanRecorder = SpanRecorder()
    ) throws {
        let strategy = configuration.preferred(nodes: communicator.nodes)
        let obstacle = try AveragingChoice.obstacle(to: strategy, layout, communicator)
        if let obstacle, configuration.strategy != .auto {
            throw AgreedFailure(
                Failure(
                    .usage, "averaging.strategy: found \(strategy.rawValue), \(obstacle.reason) \(obstacle.allowed)"))
        }
        warning = obstacle.map { "warning: averaging by allreduce, because shared memory is unavailable: \($0.cause)" }
        averaging =
            switch obstacle == nil ? strategy : .allreduce {
            case .sharedMemory: try SharedMemoryAveraging(layout: layout, communicator, spans)
            case .hierarchical: try HierarchicalAveraging(layout: layout, configuration, communicator, spans)
            case .auto, .allreduce: ExchangeAveraging(layout: layout, configuration, communicator, spans)
            }
    }

    /// Why a strategy is unavailable.
    private struct Obstacle {
        /// The cause, as a sentence.
        let cause: String
        /// What follows the name of the strategy in an error.
        let reason: String
        /// The strategies that are allowed.
        let allowed: String
    }

    /// Returns why `strategy` is unavailable, the same on every rank; nil if it is available.
    private static func obstacle(
        to strategy: AveragingConfiguration.Strategy, _ layout: ParameterLayout, _ communicator: any Communicator
    ) throws -> Obstacle? {
        let ranks = communicator.localSize
        let bytes: Int
        switch strategy {
        case .auto, .allreduce: return nil
        case .sharedMemory:
            if communicator.nodes.count > 1 {
                let cause = "the \(communicator.size) ranks run on several hosts."
                return Obstacle(
                    cause: cause, reason: "but \(cause)", allowed: "Allowed: auto, allreduce, hierarchical.")
            }
            bytes = SharedMemoryAveraging<Element>.windowBytes(count: layout.count, ranks: ranks)
        case .hierarchical: bytes = HierarchicalAveraging<Element>.windowBytes(count: layout.count, ranks: ranks)
        }
        guard let cause = try communicator.obstacleToWindows(bytes: bytes) else { return nil }
        return Obstacle(
            cause: cause, reason: "which is unavailable: \(cause)", allowed: "Allowed: auto, allreduce.")
    }
}
