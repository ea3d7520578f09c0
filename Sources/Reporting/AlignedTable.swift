/// Formats rows as lines with aligned columns: the first column flush left, the others flush right.
package func aligned(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { displayWidth($0[column]) }.max() ?? 0 }
    return rows.map { row in
        let cells = row.indices.map { column in
            let space = String(repeating: " ", count: widths[column] - displayWidth(row[column]))
            return column == 0 ? row[column] + space : space + row[column]
        }
        return cells.joined(separator: "  ")
    }.joined(separator: "\n")
}

/// The width of `text` in terminal columns: two for ideographs, kana, hangul, full-width forms and emoji.
func displayWidth(_ text: some StringProtocol) -> Int {
    text.reduce(0) { width, character in
        switch character.unicodeScalars.first!.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            width + 2
        default: width + 1
        }
    }
}
