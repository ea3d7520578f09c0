import Glibc

/// Fills `target` with normal numbers around zero.
///
/// - Source: Box & Muller 1958; four words of the stream make four numbers.
func fillNormal(_ target: UnsafeMutableBufferPointer<Float>, _ stream: RandomStream, _ standardDeviation: Float) {
    for start in stride(from: 0, to: target.count, by: 4) {
        let words = stream.words(UInt64(start / 4))
        for pair in 0..<2 {
            // (0, 1], so that the logarithm is finite.
            let radius = (-2 * log((Double(words[2 * pair]) + 1) * 0x1p-32)).squareRoot()
            let angle = 2 * Double.pi * Double(words[2 * pair + 1]) * 0x1p-32
            let index = start + 2 * pair
            if index < target.count { target[index] = standardDeviation * Float(radius * cos(angle)) }
            if index + 1 < target.count { target[index + 1] = standardDeviation * Float(radius * sin(angle)) }
        }
    }
}
