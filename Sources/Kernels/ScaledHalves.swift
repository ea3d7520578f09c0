/// Float32 numbers as they travel with `averaging.wire: float16`: a chunk of Float16 and one power of two that they are
/// all multiplied with.
///
/// The power of two brings the largest finite magnitude of the chunk, rounded to Float16's eleven bits, to 2¹⁴ or more
/// and below 2¹⁵: nothing overflows, and a number keeps all eleven bits down to 2⁻²⁸ of the largest. Rounding is to
/// nearest even. What has been rounded once is not changed by rounding again, so that numbers may be rounded where they
/// lie and be sent later, and whoever computes the same node of the tree of slots has the same bits.
package enum ScaledHalves {
    /// The power of two for `count` numbers.
    ///
    /// - Complexity: O(count); allocates nothing.
    package static func scale(of values: UnsafePointer<Float>, count: Int) -> Float {
        var largest = SIMD16<Float>(repeating: 0)
        let magnitude = SIMD16<UInt32>(repeating: 0x7FFF_FFFF)
        var i = 0
        while i < count {
            let x = load(values + i, min(lanes, count - i))
            let a = unsafeBitCast(unsafeBitCast(x, to: SIMD16<UInt32>.self) & magnitude, to: SIMD16<Float>.self)
            // Neither an infinity nor a NaN says anything about the others.
            largest.replace(with: a, where: (a .> largest) .& (a .< Float.infinity))
            i += lanes
        }
        let bits = largest.lanesMaximum.bitPattern
        let rounded = bits + 0xFFF + (bits >> 13 & 1)
        let exponent = Int(rounded >> 23) - 127
        // 2¹²⁶ is the largest power whose inverse is a normal number.
        return Float(sign: .plus, exponent: min(14 - exponent, 126), significand: 1)
    }

    /// target[i] = values[i] · scale, rounded to Float16.
    package static func encode(
        _ values: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float16>, count: Int, scale: Float
    ) {
        var i = 0
        while i < count {
            let width = min(lanes, count - i)
            store(load(values + i, width) * scale, target + i, width)
            i += lanes
        }
    }

    /// target[i] = values[i] / scale.
    package static func decode(
        _ values: UnsafePointer<Float16>, into target: UnsafeMutablePointer<Float>, count: Int, scale: Float
    ) {
        let inverse = 1 / scale
        var i = 0
        while i < count {
            let width = min(lanes, count - i)
            store(load(values + i, width) * inverse, target + i, width)
            i += lanes
        }
    }

    /// Rounds a chunk of `count` numbers to what would arrive of it.
    package static func round(_ values: UnsafeMutablePointer<Float>, count: Int) {
        let scale = scale(of: values, count: count)
        let inverse = 1 / scale
        var i = 0
        while i < count {
            let width = min(lanes, count - i)
            store(TreeSum.rounded(load(values + i, width) * scale, Float16.self) * inverse, values + i, width)
            i += lanes
        }
    }
}
