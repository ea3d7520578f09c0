import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// B sequences, T positions, V vocabulary size, C hidden size.

@Suite struct EmbeddingTests {
    @Test(arguments: oddSizes, [0, 1, 3])
    func equalsTheReference(width: Int, sequences: Int) {
        check(Float.self, sequences, 7, 5, width)
        check(Float16.self, sequences, 7, 5, width)
        check(BFloat16.self, sequences, 7, 5, width)
        checkPlaces(Float.self, sequences, 7, 5, width)
        checkPlaces(Float16.self, sequences, 7, 5, width)
        checkPlaces(BFloat16.self, sequences, 7, 5, width)
    }

    /// Checks scaled token embeddings without positions, with implicit positions, and with explicit ones.
    private func checkPlaces<Element: Storage>(_: Element.Type, _ B: Int, _ T: Int, _ V: Int, _ C: Int) {
        let (rows, P, multiplier) = (B * T, T + 2, Float(C).squareRoot())
        let (tokens, positionIDs) = (integers(rows, below: V, seed: 1), integers(rows, below: P - 1, seed: 6))
        let (tokenTable, positionTable) = (normals(V * C, seed: 2), normals(P * C, seed: 3))
        let (outputGradient, before) = (normals(rows * C, seed: 4), normals(V * C, seed: 5))
        withTestMemory { memory in
            let (ids, at) = (memory.integers(tokens), memory.integers(positionIDs))
            let (token, position) = (
                memory.numbers(tokenTable, Element.self), memory.numbers(positionTable, Element.self)
            )
            let y = memory.output(rows * C, Element.self)
            for (hasTable, hasPlaces) in [(false, false), (true, false), (true, true)] {
                embedding(
                    ids, tokenTable: token, multiplier: multiplier,
                    positionTable: hasTable ? UnsafePointer(position) : nil,
                    positionIDs: hasPlaces ? UnsafePointer(at) : nil, into: y, sequences: B, positions: T,
                    vocabulary: V, table: P, width: C)
                // The scaled embedding, at most 5√C, is rounded before the sum is.
                expectClose(
                    array(y, rows * C),
                    Reference.embedding(
                        tokens, tokenTable: tokenTable, multiplier: Double(multiplier),
                        positionTable: hasTable ? positionTable : nil, positionIDs: hasPlaces ? positionIDs : nil,
                        positions: T,
                        width: C), absolute: 5 * Double(multiplier) * Float.unitRoundoff,
                    relative: Float.unitRoundoff + Element.unitRoundoff, "embedding \(hasTable) \(hasPlaces)")
            }

            let dy = memory.numbers(outputGradient, Float.self)
            let tableGradient = memory.numbers(before, Element.self)
            tokenEmbeddingBackward(
                ids, outputGradient: dy, accumulatingInto: tableGradient,
                links: memory.integers([Int](repeating: 77, count: V + rows)), sum: memory.output(C, Float.self),
                rows: rows, vocabulary: V, width: C, multiplier: multiplier)
            let absolute = Double(rows + 1) * 4 * Float.unitRoundoff
            expectClose(
                array(tableGradient, V * C),
                Reference.scatterAdd(
                    Reference.scaled(outputGradient, by: Double(multiplier)), indices: tokens, into: before, width: C),
                absolute: 2 * Double(multiplier) * absolute, relative: Element.unitRoundoff, "tokenEmbeddingBackward")

            let positionGradient = memory.output(P * C, Element.self)
            positionEmbeddingBackward(
                positionIDs: at, outputGradient: dy, into: positionGradient,
                links: memory.integers([Int](repeating: 77, count: P + rows)), sum: memory.output(C, Float.self),
                rows: rows, positions: P, width: C)
            expectClose(
                array(positionGradient, P * C),
                Reference.scatterAdd(
                    outputGradient, indices: positionIDs, into: [Double](repeating: 0, count: P * C), width: C),
                absolute: absolute, relative: Element.unitRoundoff, "positionEmbeddingBackward with position IDs")
        }
    }

    private func check<Element: Storage>(_: Element.Type, _ B: Int, _ T: Int, _ V: Int, _ C: Int) {
        let rows = B * T
        let tokens = integers(rows, below: V - 1, seed: 1)
        let (tokenTable, positionTable) = (normals(V * C, seed: 2), normals((T + 2) * C, seed: 3))
        let (outputGradient, before) = (normals(rows * C, seed: 4), normals(V * C, seed: 5))
        withTestMemory { memory in
            let ids = memory.integers(tokens)
            let y = memory.output(rows * C, Element.self)
            embedding(
                ids, tokenTable: memory.numbers(tokenTable, Element.self),
                positionTable: memory.numbers(positionTable, Element.self), into: y, sequences: B, positions: T,
                vocabulary: V, table: T + 2, width: C)
            expectClose(
                array(y, rows * C),
                Reference.embedding(
                    tokens, tokenTable: tokenTable, positionTable: positionTable, positions: T, width: C),
                relative: Float.unitRoundoff + Element.unitRoundoff, "embedding")

            let dy = memory.numbers(outputGradient, Float.self)
            let tableGradient = memory.numbers(before, Element.self)
            let links = memory.integers([Int](repeating: 77, count: V + rows))
            tokenEmbeddingBackward(
                ids, outputGradient: dy, accumulatingInto: tableGradient, links: links,
                sum: memory.output(C, Float.self), rows: rows, vocabulary: V, width: C)
            // All rows of a token are summed in Float32, and the sum is rounded once.
            let absolute = Double(rows + 1) * 4 * Float.unitRoundoff
            expectClose(
                array(tableGradient, V * C),
                Reference.scatterAdd(outputGradient, indices: tokens, into: before, width: C), absolute: absolute,
                relative: Element.unitRoundoff, "tokenEmbeddingBackward")

            let positionGradient = memory.output(T * C, Element.self)
            positionEmbeddingBackward(
                outputGradient: dy, into: positionGradient, sum: memory.output(C, Float.self), sequences: B,
                positions: T, width: C)
            expectClose(
                array(positionGradient, T * C),
                Reference.scatterAdd(
                    outputGradient, indices: (0..<rows).map { $0 % T }, into: [Double](repeating: 0, count: T * C),
                    width: C), absolute: absolute, relative: Element.unitRoundoff, "positionEmbeddingBackward")
        }
    }
}
