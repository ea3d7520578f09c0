import CProcessor

/// The CPU features that the kernels are compiled for.
package enum Processor {
    /// Returns the vector extensions that this target is compiled for, as the bits of `cprocessor_features`.
    @inline(never)
    package static func builtFor() -> UInt32 { cprocessor_built_for() }
}
