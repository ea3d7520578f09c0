// B sequences, T queries and S keys per sequence, H query heads, K KV heads, D head dimension.

/// A strided view of a tensor of heads: each row has one or several heads side by side, possibly among other columns.
package struct HeadRows<Number> {
    /// The first element of the first head in the first row.
    package let base: UnsafeMutablePointer<Number>
    /// The number of elements from one row to the next.
    package let stride: Int

    /// A view of heads that start at `base`.
    package init(_ base: UnsafeMutablePointer<Number>, stride: Int) {
        self.base = base
        self.stride = stride
    }

    /// Returns a pointer to row `row` of the head that starts at column `column`.
    @inline(__always)
    func at(row: Int, column: Int) -> UnsafeMutablePointer<Number> { base + row * stride + column }
}

/// The queries, keys and values of an attention layer, or their gradients.
package struct AttentionRows<Number> {
    /// [B, T, H · D].
    package let queries: HeadRows<Number>
    /// [B, S, K · D] each.
    package let keys: HeadRows<Number>
    package let values: HeadRows<Number>

    /// Three views, which may be of different matrices.
    package init(queries: HeadRows<Number>, keys: HeadRows<Number>, values: HeadRows<Number>) {
        self.queries = queries
        self.keys = keys
        self.values = values
    }
}

extension AttentionRows {
    /// Views of rows that hold queries, keys and values side by side, [B, T, (H + 2K) · D].
    package init(sideBySide rows: UnsafeMutablePointer<Number>, queryWidth: Int, keyWidth: Int) {
        let stride = queryWidth + 2 * keyWidth
        self.init(
            queries: HeadRows(rows, stride: stride), keys: HeadRows(rows + queryWidth, stride: stride),
            values: HeadRows(rows + queryWidth + keyWidth, stride: stride))
    }

    /// Views of rows of queries, [B, T, H · D], and of rows of keys and values side by side, [B, S, 2K · D].
    package init(
        queries: UnsafeMutablePointer<Number>, queryWidth: Int, keysAndValues: UnsafeMutablePointer<Number>,
        keyWidth: Int
    ) {
        self.init(
            queries: HeadRows(queries, stride: queryWidth), keys: HeadRows(keysAndValues, stride: 2 * keyWidth),
            values: HeadRows(keysAndValues + keyWidth, stride: 2 * keyWidth))
    }
}
