import Failures
import Numbers
import Tensors

// B sequences, T positions, C hidden size, V vocabulary size, P rows of the position table.

/// Computes output[b, t] = multiplier · tokenTable[tokens[b, t]] + positionTable[t].
///
/// - Parameters:
///   - tokens: [B, T], each in 0 ..< V.
///   - tokenTable: [V, C].
///   - multiplier: The scale of token embeddings, such as √C in Vaswani et al. 2017, section 3.4.
///   - positionTable: [P, C] with P ≥ T; nil: no position embedding.
///   - positionIDs: [B, T], each in 0 ..< P; the row of the position table for each token; nil: row t.
///   - output: [B, T, C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func embedding<Element: Storage>(
    _ tokens: UnsafePointer<Int32>, tokenTable: UnsafePointer<Element>, multiplier: Float = 1,
    positionTable: UnsafePointer<Element>?, positionIDs: UnsafePointer<Int32>? = nil,
    into output: UnsafeMutablePointer<Element>, sequences B: Int, positions T: Int, vocabulary V: Int, table P: Int,
    width C: Int
) {
    require(positionTable == nil || positionIDs != nil || T <= P, "\(T) positions are in a table of \(P)")
    parallelRows(B * T, columns: C) { rows in
        for row in rows {
            let (token, y) = (tokenTable + index(tokens[row], below: V) * C, output + row * C)
            guard let positionTable else {
                for (offsets, width) in vectors(C) {
                    for c in offsets { store(load(token + c, width) * multiplier, y + c, width) }
                }
                continue
            }
            var place = row % T
            if let positionIDs { place = index(positionIDs[row], below: P) }
            let position = positionTable + place * C
            for (offsets, width) in vectors(C) {
                for c in offsets {
                    store(load(token + c, width) * multiplier + load(position + c, width), y + c, width)
                }
            }
        }
    }
}

/// Computes the gradient of the token table: adds each row of `outputGradient`, times `multiplier`, to its token's row.
///
/// All rows of a token are first summed in order in Float32, then added to the table, so that a Float16 table is
/// rounded once per token instead of once per row.
///
/// - Parameters:
///   - outputGradient: [B·T, C].
///   - tableGradient: [V, C], added to.
///   - links: Scratch, [V + B·T]: linked lists with the first row of each token and each row's successor of the same
///     token.
///   - sum: Scratch, [C].
/// - Complexity: O(V + n · C) for n = B · T; allocates nothing.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func tokenEmbeddingBackward<Element: Storage>(
    _ tokens: UnsafePointer<Int32>, outputGradient: UnsafePointer<Float>,
    accumulatingInto tableGradient: UnsafeMutablePointer<Element>,
    links: UnsafeMutablePointer<Int32>, sum: UnsafeMutablePointer<Float>, rows: Int, vocabulary V: Int, width C: Int,
    multiplier: Float = 1
) {
    let (first, next) = (links, links + V)
    first.update(repeating: -1, count: V)
    for row in (0..<rows).reversed() {
        let token = index(tokens[row], below: V)
        next[row] = first[token]
        first[token] = Int32(row)
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
            if multiplier != 1 { scale(sum, by: multiplier, count: count) }
            add(UnsafePointer(sum), accumulatingInto: tableGradient + Int(tokens[row]) * C + start, count: count)
        }
    }
}

/// Computes the gradient of the position table: gradient[t] = Σ over sequences of outputGradient[b, t].
///
/// - Parameters:
///   - outputGradient: [B, T, C].
///   - tableGradient: [T, C], overwritten.
///   - sum: Scratch, [C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
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

/// Computes the gradient of the position table for explicit positions: gradient[p] = Σ over rows with position p, in
/// order.
///
/// - Parameters:
///   - positionIDs: [rows], each in 0 ..< P.
///   - outputGradient: [rows, C].
///   - tableGradient: [P, C], overwritten.
///   - links: Scratch, [P + rows].
///   - sum: Scratch, [C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func positionEmbeddingBackward<Element: Storage>(
    positionIDs: UnsafePointer<Int32>, outputGradient: UnsafePointer<Float>,
    into tableGradient: UnsafeMutablePointer<Element>, links: UnsafeMutablePointer<Int32>,
    sum: UnsafeMutablePointer<Float>, rows: Int, positions P: Int, width C: Int
) {
    tableGradient.update(repeating: 0, count: P * C)
    tokenEmbeddingBackward(
        positionIDs, outputGradient: outputGradient, accumulatingInto: tableGradient, links: links, sum: sum,
        rows: rows,
        vocabulary: P, width: C)
}
