// B sequences, T positions, C width, V vocabulary.

/// output[b, t] = tokenTable[tokens[b, t]] + positionTable[t].
///
/// - Parameters:
///   - tokens: [B, T], each in 0 ..< V.
///   - tokenTable: [V, C].
///   - positionTable: [at least T, C].
///   - output: [B, T, C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func embedding<Element: Storage>(
    _ tokens: UnsafePointer<Int32>, tokenTable: UnsafePointer<Element>, positionTable: UnsafePointer<Element>,
    into output: UnsafeMutablePointer<Element>, sequences B: Int, positions T: Int, width C: Int
) {
    parallelRows(B * T, columns: C) { rows in
        for row in rows {
            let (token, position, y) = (
                tokenTable + Int(tokens[row]) * C, positionTable + row % T * C, output + row * C
            )
            forEachVector(C) { c, width in store(load(token + c, width) + load(position + c, width), y + c, width) }
        }
    }
}

/// The token table's part of the backward pass: each row of `outputGradient` is added to its token's row.
///
/// All rows of one token are summed in Float32, in their order, before the sum is added to the table, so that a
/// Float16 table rounds once a token and not once a row.
///
/// - Parameters:
///   - outputGradient: [B·T, C].
///   - tableGradient: [V, C], added to.
///   - links: Scratch, [V + B·T]: for each token its first row, for each row the next one of the same token.
///   - sum: Scratch, [C].
/// - Complexity: O(V + n · C) for n = B · T; allocates nothing.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func tokenEmbeddingBackward<Element: Storage>(
    _ tokens: UnsafePointer<Int32>, outputGradient: UnsafePointer<Float>,
    accumulatingInto tableGradient: UnsafeMutablePointer<Element>,
    links: UnsafeMutablePointer<Int32>, sum: UnsafeMutablePointer<Float>, rows: Int, vocabulary V: Int, width C: Int
) {
    let (first, next) = (links, links + V)
    first.update(repeating: -1, count: V)
    for row in (0..<rows).reversed() {
        next[row] = first[Int(tokens[row])]
        first[Int(tokens[row])] = Int32(row)
    }
    parallelColumns(C, rows: rows) { columns in
        let (start, count) = (columns.lowerBound, columns.count)
        let sum = sum + start
        for row in 0..<rows where first[Int(tokens[row])] == row {
            sum.update(repeating: 0, count: count)
            var same = row
            while same >= 0 {
                add(outputGradient + same * C + start, accumulatingInto: sum, count: count)
                same = Int(next[same])
            }
            add(UnsafePointer(sum), accumulatingInto: tableGradient + Int(tokens[row]) * C + start, count: count)
        }
    }
}

/// The position table's part of the backward pass: gradient[t] = Σ over sequences of outputGradient[b, t].
///
/// - Parameters:
///   - outputGradient: [B, T, C].
///   - tableGradient: [T, C], overwritten.
///   - sum: Scratch, [C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func positionEmbeddingBackward<Element: Storage>(
    outputGradient: UnsafePointer<Float>, into tableGradient: UnsafeMutablePointer<Element>,
    sum: UnsafeMutablePointer<Float>, sequences B: Int, positions T: Int, width C: Int
) {
    parallelColumns(C, rows: B * T) { columns in
        let (start, count) = (columns.lowerBound, columns.count)
        let sum = sum + start
        for t in 0..<T {
            sum.update(repeating: 0, count: count)
            for b in 0..<B { add(outputGradient + (b * T + t) * C + start, accumulatingInto: sum, count: count) }
            convert(UnsafePointer(sum), into: tableGradient + t * C + start, count: count)
        }
    }
}
