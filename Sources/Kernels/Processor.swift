import CProcessor

/// The CPU features that the kernels are compiled for, and the floating-point mode they require.
package enum Processor {
    /// Returns the vector extensions that this target is compiled for, as the bits of `cprocessor_features`.
    @inline(never)
    package static func builtFor() -> UInt32 { cprocessor_built_for() }

    /// Prepares the calling thread for kernels: denormals are flushed to zero, and oneDNN uses this thread only.
    ///
    /// A saturated softmax produces gradients near 1e-38, and a matmul on denormals takes 70 times as long.
    package static func prepareThread() {
        cprocessor_flush_denormals()
        cprocessor_set_library_threads(1)
    }

    /// Runs `body` on the calling thread, prepared for kernels as by `prepareThread`. Afterwards the thread is as it was
    /// before, so that other computations of the same program are unaffected.
    package static func prepared<Result, Problem: Error>(
        _ body: () throws(Problem) -> Result
    ) throws(Problem) -> Result {
        let (mode, threads) = (cprocessor_floating_point_mode(), cprocessor_library_threads())
        prepareThread()
        defer {
            cprocessor_set_floating_point_mode(mode)
            if threads > 0 { cprocessor_set_library_threads(threads) }
        }
        return try body()
    }
}
