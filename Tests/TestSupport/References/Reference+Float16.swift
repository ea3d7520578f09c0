import Glibc

extension Reference {
    /// Returns `value` rounded to the nearest Float16 value (11 bits, exponents −14 ... 15), ties to even.
    package static func roundedToFloat16(_ value: Double) -> Double {
        if value.isNaN || value.isInfinite || value == 0 { return value }
        let exponent = max(Int(value.exponent), -14)
        let unit = scalbn(1.0, Int32(exponent - 10))
        let rounded = (value / unit).rounded(.toNearestOrEven) * unit
        if abs(rounded) > 65504 { return value < 0 ? -.infinity : .infinity }
        return rounded == 0 && value < 0 ? -0.0 : rounded
    }
}
