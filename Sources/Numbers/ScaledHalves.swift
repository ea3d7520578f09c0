import Tensors

/// Float32 values in the formats of `averaging.wire`: a chunk of Float16 or bfloat16 with one power of two by which all
/// its values are multiplied.
///
/// For bfloat16, which has the exponents of Float32, it is 1. For Float16, it scales the largest finite magnitude of
/// the chunk, rounded to Float16's eleven bits, into 2¹⁴ ..< 2¹⁵: nothing overflows, and values down to 2⁻²⁸ of the
/// largest keep all eleven bits. Rounding is to nearest even and idempotent, so values may be rounded in place and sent
/// later, and all ranks that compute the same node of the tree sum get the same bits.
package enum ScaledHalves<Half: Storage> {
    /// Returns the power of two for `count` values.
    ///
    /// - Complexity: O(count); allocates nothing.
    @_specialize(where Half == Float16)
    @_specialize(where Half == BFloat16)
    package static func scale(of values: UnsafePointer<Float>, count: Int) -> Float {
        if Half.format == .bfloat16 { return 1 }
        var largest = SIMD16<Float>(repeating: 0)
        let magnitude = SIMD16<UInt32>(repeating: 0x7FFF_FFFF)
        var i = 0
        while i < count {
            let x = load(values + i, min(lanes, count - i))
            let a = unsafeBitCast(unsafeBitCast(x, to: SIMD16<UInt32>.self) & magnitude, to: SIMD16<Float>.self)
            // Infinities and NaN do not determine the scale.
            largest.replace(with: a, where: (a .> largest) .& (a .< Float.infinity))
            i += lanes
        }
        let bits = largest.lanesMaximum.bitPattern
        let rounded = bits + 0xFFF + (bits >> 13 & 1)
        let exponent = Int(rounded >> 23) - 127
        // 2¹²⁶ is the largest power of two whose reciprocal is a normal number.
        return Float(sign: .plus, exponent: min(14 - exponent, 126), significand: 1)
    }

    /// Computes target[i] = values[i] · scale, rounded to `Half`.
    @_specialize(where Half == Float16)
    @_specialize(where Half == BFloat16)
    package static func encode(
        _ values: UnsafePointer<Float>, into target: UnsafeMutablePointer<Half>, count: Int, scale: Float
    ) {
        multiply(values, by: scale, into: target, count: count)
    }

    /// Computes target[i] = values[i] / scale.
    @_specialize(where Half == Float16)
    @_specialize(where Half == BFloat16)
    package static func decode(
        _ values: UnsafePointer<Half>, into target: UnsafeMutablePointer<Float>, count: Int, scale: Float
    ) {
        multiply(values, by: 1 / scale, into: target, count: count)
    }

    /// Rounds a chunk of `count` values to the values that `encode` followed by `decode` would yield.
    @_specialize(where Half == Float16)
    @_specialize(where Half == BFloat16)
    package static func round(_ values: UnsafeMutablePointer<Float>, count: Int) {
        let scale = scale(of: values, count: count)
        let inverse = 1 / scale
        var i = 0
        while i < count {
            let width = min(lanes, count - i)
            store(TreeSum.rounded(load(values + i, width) * scale, Half.self) * inverse, values + i, width)
            i += lanes
        }
    }

    /// Computes target[i] = values[i] · factor.
    @inline(__always)
    private static func multiply<Source: Storage, Target: Storage>(
        _ values: UnsafePointer<Source>, by factor: Float, into target: UnsafeMutablePointer<Target>, count: Int
    ) {
        for (offsets, width) in vectors(count) {
            for i in offsets { store(load(values + i, width) * factor, target + i, width) }
        }
    }
}
