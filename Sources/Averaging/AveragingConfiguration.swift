/// The configuration section `averaging`: how gradients are synchronized between ranks.
package struct AveragingConfiguration: Equatable, Sendable {
    /// The way in which gradients are exchanged.
    package enum Strategy: String, CaseIterable, Sendable {
        /// Shared memory if all ranks are on one node and gradients are sent unrounded; MPI collectives otherwise.
        case auto
        /// Always MPI collectives.
        case allreduce
        /// Always shared memory; all ranks must be on one node.
        case sharedMemory = "shared_memory"
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
    /// The largest size of one gradient bucket, in bytes.
    package var bucketBytes = 4 << 20

    package init() {}
}
