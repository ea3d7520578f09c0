import CProcessor

/// What the kernels were compiled for, and what each thread must set before it calls one.
package enum Processor {
    /// The vector extensions that this target's code uses, as the bits of `cprocessor_features`.
    @inline(never)
    package static func builtFor() -> UInt32 { cprocessor_built_for() }

    /// Prepares the calling thread: denormals are zero, and the matrix library stays on this thread.
    ///
    /// A saturated softmax gives gradients near 1e-38, and one product over denormals takes 70 times as long.
    package static func prepareThread() {
        cprocessor_flush_denormals()
        cprocessor_set_library_threads(1)
    }
}
