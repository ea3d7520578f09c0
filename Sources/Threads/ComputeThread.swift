import CProcessor

/// The floating-point mode that kernels require of a thread.
package enum ComputeThread {
    /// Prepares the calling thread for kernels: denormals are flushed to zero.
    ///
    /// A saturated softmax produces gradients near 1e-38, and a matmul on denormals takes 70 times as long.
    package static func prepare() { cprocessor_flush_denormals() }

    /// Runs `body` on the calling thread, prepared for kernels as by `prepare`. Afterwards the thread is as it was
    /// before, so that other computations of the same program are unaffected.
    package static func prepared<Result, Problem: Error>(
        _ body: () throws(Problem) -> Result
    ) throws(Problem) -> Result {
        let mode = cprocessor_floating_point_mode()
        prepare()
        defer { cprocessor_set_floating_point_mode(mode) }
        return try body()
    }
}
