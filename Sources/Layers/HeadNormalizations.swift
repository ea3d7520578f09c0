import Kernels
import Numbers
import Tensors

// N rows (positions), H query heads, K KV heads, D head dimension.

/// The normalizations of queries and of keys, each over the D elements of a head.
struct HeadNormalizations<Element: Storage> {
    private let query: Part
    private let key: Part

    /// The activations that the backward pass uses.
    struct Activations {
        let query: Part.Activations
        let key: Part.Activations
    }

    /// Declares `name`.query_normalization and `name`.key_normalization, [D] each; nil if the shape has none.
    init?(_ name: String, _ shape: AttentionShape, in layout: inout ParameterLayout) {
        guard let style = shape.normalization else { return nil }
        query = Part("\(name).query_normalization", shape, style, 0, heads: shape.headCount, in: &layout)
        key = Part("\(name).key_normalization", shape, style, shape.queryWidth, heads: shape.keyHeadCount, in: &layout)
    }

    /// Allocates activations for `rows` rows.
    func takeActivations(rows: Int, from arena: ActivationArena) -> Activations {
        Activations(
            query: query.takeActivations(rows: rows, from: arena), key: key.takeActivations(rows: rows, from: arena))
    }

    /// Normalizes the queries and keys of `heads`, [N, (H + 2K) · D], in place.
    func forward(
        _ heads: UnsafeMutablePointer<Element>, _ activations: Activations, rows: Int, _ context: LayerContext<Element>
    ) {
        query.forward(heads, activations.query, rows: rows, context)
        key.forward(heads, activations.key, rows: rows, context)
    }

    /// Replaces the gradients of normalized queries and keys in `gradient`, [N, (H + 2K) · D], by those of the queries
    /// and keys.
    func backward(
        _ gradient: UnsafeMutablePointer<Float>, _ activations: Activations, rows: Int,
        _ context: LayerContext<Element>
    ) {
        query.backward(gradient, activations.query, rows: rows, context)
        key.backward(gradient, activations.key, rows: rows, context)
    }

    /// One normalization and the adjacent heads that share it.
    struct Part {
        private let normalization: Normalization<Element>
        private let stride: Int
        private let firstColumn: Int
        private let heads: Int
        /// heads · D.
        private let width: Int

        struct Activations {
            /// The heads before normalization, [N, heads · D].
            let raw: UnsafeMutablePointer<Element>
            let statistics: Normalization<Element>.Statistics
        }

        init(
            _ name: String, _ shape: AttentionShape, _ style: NormalizationStyle, _ firstColumn: Int, heads: Int,
            in layout: inout ParameterLayout
        ) {
            normalization = Normalization(name, width: shape.headWidth, style, in: &layout)
            stride = shape.queryWidth + 2 * shape.keyWidth
            width = heads * shape.headWidth
            (self.firstColumn, self.heads) = (firstColumn, heads)
        }

        func takeActivations(rows: Int, from arena: ActivationArena) -> Activations {
            Activations(
                raw: arena.take(Element.self, rows * width),
                statistics: arena.takeStatistics(Element.self, rows: rows * heads))
        }

        func forward(
            _ rows: UnsafeMutablePointer<Element>, _ activations: Activations, rows count: Int,
            _ context: LayerContext<Element>
        ) {
            let columns = rows + firstColumn
            copyColumns(columns, stride: stride, into: activations.raw, stride: width, rows: count, columns: width)
            let normalized = context.workspace.numbers(.heads, count * width, Element.self)
            normalization.forward(
                activations.raw, into: normalized, activations.statistics, rows: count * heads, context)
            copyColumns(normalized, stride: width, into: columns, stride: stride, rows: count, columns: width)
        }

        func backward(
            _ gradient: UnsafeMutablePointer<Float>, _ activations: Activations, rows count: Int,
            _ context: LayerContext<Element>
        ) {
            let columns = gradient + firstColumn
            let outputGradient = context.workspace.floats(.heads, 2 * count * width)
            let inputGradient = outputGradient + count * width
            copyColumns(columns, stride: stride, into: outputGradient, stride: width, rows: count, columns: width)
            inputGradient.update(repeating: 0, count: count * width)
            normalization.backward(
                activations.raw, outputGradient: outputGradient, accumulatingInto: inputGradient,
                activations.statistics, rows: count * heads, context)
            copyColumns(inputGradient, stride: width, into: columns, stride: stride, rows: count, columns: width)
        }
    }
}
