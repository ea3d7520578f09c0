import Failures
import Numbers
import Tensors

/// What an update of weights reads and overwrites.
package struct UpdateMemory<Element: Storage> {
    /// Master weights.
    package let weights: UnsafeMutablePointer<Float>
    /// The working weights, which become the master weights, rounded; nil: these are the master weights.
    package let working: UnsafeMutablePointer<Element>?
    /// The optimizer's states of the weights, at most two.
    package let states: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?)
    /// The gradients, before they are scaled, clipped and penalized.
    package let gradients: UnsafePointer<Element>
    /// The number of weights.
    package let count: Int

    /// Memory of `count` weights, whose states start at element `stateStart` of the arenas `states`.
    package init(
        weights: UnsafeMutablePointer<Float>, working: UnsafeMutablePointer<Element>? = nil,
        states: [UnsafeMutablePointer<Float>], stateStart: Int = 0, gradients: UnsafePointer<Element>, count: Int
    ) {
        require(states.count <= 2, "an optimizer has at most two states")
        (self.weights, self.working, self.gradients, self.count) = (weights, working, gradients, count)
        self.states = (states.first.map { $0 + stateStart }, states.count == 2 ? states[1] + stateStart : nil)
    }
}

/// The checksums of memory before and after it was overwritten.
package struct OverwritingChecksums: BitwiseCopyable, Sendable {
    package var before = MemoryChecksum()
    package var after = MemoryChecksum()

    /// The checksums of no memory.
    package init() {}
}

/// The checksums of all memory that an update has overwritten; those of missing memory have no meaning.
package struct UpdateChecksums: BitwiseCopyable, Sendable {
    package fileprivate(set) var weights = OverwritingChecksums()
    package fileprivate(set) var working = OverwritingChecksums()
    package fileprivate(set) var states = (OverwritingChecksums(), OverwritingChecksums())
}

/// The elementwise rule of an optimizer, computed on vectors of sixteen weights.
protocol UpdateRule {
    /// Scaling, clipping and penalties, applied to each gradient first.
    var adjustment: GradientAdjustment { get }
    /// Updates weights w and their states s and t for the gradients g. Missing states are 0.
    func update(
        _ w: inout SIMD16<Float>, _ s: inout SIMD16<Float>, _ t: inout SIMD16<Float>, _ g: SIMD16<Float>)
}

extension UpdateMemory {
    /// Updates the weights and states by `rule`, rounds the weights to the working weights, and computes the checksums of
    /// all that is overwritten, in one pass.
    ///
    /// - Complexity: O(count); allocates nothing.
    @inline(__always)
    func update(_ rule: some UpdateRule) -> UpdateChecksums {
        var checksums = UpdateChecksums()
        for (offsets, width) in vectors(count) { for i in offsets { update(i, width, rule, &checksums) } }
        return checksums
    }

    /// Updates `width` ≤ 16 weights from weight `i` on.
    @inline(__always)
    private func update(_ i: Int, _ width: Int, _ rule: some UpdateRule, _ checksums: inout UpdateChecksums) {
        var w = load(weights + i, width)
        checksums.weights.before.add(w.bits)
        var (s, t) = (SIMD16<Float>(), SIMD16<Float>())
        if let first = states.0 {
            s = load(first + i, width)
            checksums.states.0.before.add(s.bits)
        }
        if let second = states.1 {
            t = load(second + i, width)
            checksums.states.1.before.add(t.bits)
        }
        rule.update(&w, &s, &t, adjusted(load(gradients + i, width), w, rule.adjustment))
        if let first = states.0 { checksums.states.0.after.add(overwrite(first + i, s, width)) }
        if let second = states.1 { checksums.states.1.after.add(overwrite(second + i, t, width)) }
        checksums.weights.after.add(overwrite(weights + i, w, width))
        if let working {
            checksums.working.before.add(words(UnsafePointer(working + i), width))
            checksums.working.after.add(overwrite(working + i, w, width))
        }
    }

    /// Stores the first `width` lanes at `pointer`, and returns what is there then.
    @inline(__always)
    private func overwrite<Number: Storage>(
        _ pointer: UnsafeMutablePointer<Number>, _ vector: SIMD16<Float>, _ width: Int
    ) -> VectorBits {
        store(vector, pointer, width)
        return words(UnsafePointer(pointer), width)
    }
}
