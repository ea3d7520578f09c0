import Numbers
import Products
import Tensors

// T queries and S keys per sequence, D head dimension.

/// The operands of the products of one attention head, in the rows of all heads.
struct AttentionHead<Element: Storage> {
    private let q: UnsafePointer<Element>
    private let k: UnsafePointer<Element>
    private let v: UnsafePointer<Element>
    private let rows: AttentionRows<Element>
    private let S: Int
    private let D: Int
    private let word: PanelWord
    /// The number of elements from the scores of one query to those of the next.
    let scoreStride: Int
    /// D rounded up to a multiple of 32: the number of elements from one row of a result to the next.
    let rowStride: Int

    /// Head `h` of sequence `b`, whose keys and values are head `keyHead` of the KV heads.
    init(
        _ rows: AttentionRows<Element>, sequence b: Int, head h: Int, keyHead: Int, headWidth D: Int, _ T: Int, _ S: Int
    ) {
        self.rows = rows
        self.S = S
        self.D = D
        q = UnsafePointer(rows.queries.at(row: b * T, column: h * D))
        k = UnsafePointer(rows.keys.at(row: b * S, column: keyHead * D))
        v = UnsafePointer(rows.values.at(row: b * S, column: keyHead * D))
        word = PanelProduct.word(asBFloat16: Element.format == .bfloat16)
        // The rows of a multiple of 4 KiB would share the same few lines of the L1 cache.
        scoreStride = (S + 31) / 32 * 32 + lanes
        rowStride = (D + 31) / 32 * 32
    }

    /// Q from query `first` on, as operand A.
    func queries(_ first: Int) -> Factor<Element> {
        Factor(base: q + first * rows.queries.stride, orientation: .plain, stride: rows.queries.stride)
    }

    /// Kᵀ times `factor`, [D, S].
    func packedKeys(factor: Float) -> PackedRight {
        PackedRight(
            Factor(base: k, orientation: .transposed, stride: rows.keys.stride), k: D, n: S, factor: factor, word,
            .transposedKeys)
    }

    /// K, [S, D].
    func packedKeyRows() -> PackedRight { packed(k, stride: rows.keys.stride, rows: S, .keys) }

    /// V, [S, D].
    func packedValues() -> PackedRight { packed(v, stride: rows.values.stride, rows: S, .values) }

    /// Vᵀ, [D, S].
    func packedTransposedValues() -> PackedRight {
        PackedRight(
            Factor(base: v, orientation: .transposed, stride: rows.values.stride), k: D, n: S, word, .values)
    }

    /// Rows of this head's width, [`count`, D].
    func packed<Number: Storage>(
        _ base: UnsafePointer<Number>, stride: Int, rows count: Int, _ use: ThreadScratch.Use
    ) -> PackedRight {
        PackedRight(Factor(base: base, orientation: .plain, stride: stride), k: count, n: D, word, use)
    }
}
