extension Reference {
    /// Token and position embeddings, added: tables of rows of C, tokens [B, T].
    package static func embedding(
        _ tokens: [Int], tokenTable: [Double], positionTable: [Double], positions: Int, width: Int
    ) -> [Double] {
        tokens.enumerated().flatMap { row, token in
            (0..<width).map { tokenTable[token * width + $0] + positionTable[row % positions * width + $0] }
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
