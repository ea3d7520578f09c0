import Numbers
import Tensors

/// Computes output = input + branch, the residual connection around a sublayer.
///
/// - Source: He et al. 2016, arXiv:1512.03385.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func residual<Element: Storage>(
    _ input: UnsafePointer<Element>, _ branch: UnsafePointer<Float>, into output: UnsafeMutablePointer<Element>,
    count: Int
) {
    parallelElements(count) { range in
        for (offsets, width) in vectors(in: range) {
            for i in offsets {
                store(load(input + i, width) + load(branch + i, width), output + i, width)
            }
        }
    }
}
