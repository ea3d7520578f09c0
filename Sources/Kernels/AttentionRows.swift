// B sequences, T queries and S keys a sequence, H heads of queries, K heads of keys and values, D head width.

/// Where a tensor of heads lies: rows of one or several heads side by side, among other columns.
package struct HeadRows<Number> {
    /// The first head of the first row.
    package let base: UnsafeMutablePointer<Number>
    /// Numbers from row to row.
    package let stride: Int

    /// Heads that start at `base`.
    package init(_ base: UnsafeMutablePointer<Number>, stride: Int) {
        self.base = base
        self.stride = stride
    }

    /// Row `row` of the head that starts at column `column`.
    @inline(__always)
    func at(row: Int, column: Int) -> UnsafeMutablePointer<Number> { base + row * stride + column }
}

/// The queries, keys and values of an attention, or their gradients.
package struct AttentionRows<Number> {
    /// [B, T, H · D].
    package let queries: HeadRows<Number>
    /// [B, S, K · D] each.
    package let keys: HeadRows<Number>
    package let values: HeadRows<Number>

    /// Three tensors, wherever they lie.
    package init(queries: HeadRows<Number>, keys: HeadRows<Number>, values: HeadRows<Number>) {
        self.queries = queries
        self.keys = keys
        self.values = values
    }
}

extension AttentionRows {
    /// Rows of queries, keys and values side by side, [B, T, (H + 2K) · D].
    package init(sideBySide rows: UnsafeMutablePointer<Number>, queryWidth: Int, keyWidth: Int) {
        let stride = queryWidth + 2 * keyWidth
        self.init(
            queries: HeadRows(rows, stride: stride), keys: HeadRows(rows + queryWidth, stride: stride),
            values: HeadRows(rows + queryWidth + keyWidth, stride: stride))
    }

    /// Rows of queries, [B, T, H · D], and of keys and values side by side, [B, S, 2K · D].
    package init(
        queries: UnsafeMutablePointer<Number>, queryWidth: Int, keysAndValues: UnsafeMutablePointer<Number>,
        keyWidth: Int
    ) {
        self.init(
            queries: HeadRows(queries, stride: queryWidth), keys: HeadRows(keysAndValues, stride: 2 * keyWidth),
            values: HeadRows(keysAndValues + keyWidth, stride: 2 * keyWidth))
    }
}
