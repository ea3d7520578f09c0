extension Reference {
    /// Returns token embeddings times `multiplier` plus position embeddings; the tables have rows of C values, tokens
    /// are [B, T].
    ///
    /// - Parameter positionIDs: The row of the position table for each token; nil: the token's index in the sequence.
    package static func embedding(
        _ tokens: [Int], tokenTable: [Double], multiplier: Double = 1, positionTable: [Double]?,
        positionIDs: [Int]? = nil,
        positions: Int, width: Int
    ) -> [Double] {
        tokens.enumerated().flatMap { row, token in
            let position = positionIDs?[row] ?? row % positions
            return (0..<width).map {
                tokenTable[token * width + $0] * multiplier + (positionTable?[position * width + $0] ?? 0)
            }
        }
    }

    /// Adds each row of `gradient` to the table row given by `indices`.
    package static func scatterAdd(
        _ gradient: [Double], indices: [Int], into table: [Double], width: Int
    ) -> [Double] {
        var table = table
        for (row, index) in indices.enumerated() {
            for column in 0..<width { table[index * width + column] += gradient[row * width + column] }
        }
        return table
    }
}
