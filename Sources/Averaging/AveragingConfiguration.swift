/// How gradients become one: the section `averaging`.
package struct AveragingConfiguration: Equatable, Sendable {
    /// Which way the gradients take.
    package enum Strategy: String, CaseIterable, Sendable {
        /// Shared memory where all ranks are on one node and nothing is rounded on a wire, MPI collectives elsewhere.
        case auto
        /// MPI collectives alone.
        case allreduce
        /// Shared memory alone: all ranks on one node.
        case sharedMemory = "shared_memory"
    }

    /// The type that gradients of Float32 have on the network; those of Float16 are sent as they are.
    package enum Wire: String, CaseIterable, Sendable {
        /// Every bit arrives.
        case float32
        /// Half the bytes: see `ScaledHalves`. The numbers of the run are others, for any number of ranks the same.
        case float16
    }

    package var strategy = Strategy.auto
    /// What gradients are sent as.
    package var wire = Wire.float32
    /// The largest size of what is averaged at once.
    package var bucketBytes = 4 << 20

    package init() {}
}
