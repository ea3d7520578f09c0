/// The configuration section `averaging`: how gradients are synchronized between ranks.
package struct AveragingConfiguration: Equatable, Sendable {
    /// The way in which gradients are exchanged.
    package enum Strategy: String, CaseIterable, Sendable {
        /// The fastest strategy for the distribution of ranks over nodes; see `preferred`.
        case auto
        /// Always MPI collectives.
        case allreduce
        /// Always shared memory; all ranks must be on one node.
        case sharedMemory = "shared_memory"
        /// Shared memory within a node, and messages between nodes.
        case hierarchical
    }

    /// The data type of Float32 gradients on the network; Float16 gradients are sent as they are.
    package enum Wire: String, CaseIterable, Sendable {
        /// Lossless.
        case float32
        /// Half the bytes, see `ScaledHalves`. Results differ from `float32`, but not between rank counts.
        case float16
        case bfloat16
    }

    /// The strategy; see `Strategy`.
    package var strategy = Strategy.auto
    /// The data type of gradients on the network.
    package var wire = Wire.float32
    /// The largest size of one gradient bucket, in bytes; nil: chosen by the size of model and job, see
    /// `bucketElements`.
    package var bucketBytes: Int?

    package init() {}
}

extension AveragingConfiguration {
    /// The strategy of a job whose nodes have these ranks, provided that the ranks of a node can share memory.
    package func preferred(nodes: [Range<Int>]) -> Strategy {
        guard strategy == .auto else { return strategy }
        if nodes.count > 1 { return nodes.contains { $0.count > 1 } ? .hierarchical : .allreduce }
        if wire == .float32 { return .sharedMemory }
        return nodes[0].count > 1 ? .hierarchical : .allreduce
    }
}
