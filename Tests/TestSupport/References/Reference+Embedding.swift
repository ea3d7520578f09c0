extension Reference {
    /// Token embeddings, times `multiplier`, and position embeddings, added: tables of rows of C, tokens [B, T].
    ///
    /// - Parameter places: The row of the position table for each token, where it is not its place in the sequence.
    package static func embedding(
        _ tokens: [Int], tokenTable: [Double], multiplier: Double = 1, positionTable: [Double]?, places: [Int]? = nil,
        positions: Int, width: Int
    ) -> [Double] {
        tokens.enumerated().flatMap { row, token in
            let place = places?[row] ?? row % positions
            return (0..<width).map {
                tokenTable[token * width + $0] * multiplier + (positionTable?[place * width + $0] ?? 0)
            }
        }
    }

    /// Each row of `gradient` added to the row of a table that `places` names.
    package static func scatterAdd(
        _ gradient: [Double], places: [Int], into table: [Double], width: Int
    ) -> [Double] {
        var table = table
        for (row, place) in places.enumerated() {
            for column in 0..<width { table[place * width + column] += gradient[row * width + column] }
        }
        return table
    }
}
