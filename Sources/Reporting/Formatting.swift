import Glibc

/// Formats `value` with a fixed number of decimals.
package func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    let factor = pow(10, Double(decimals))
    guard abs(value) * factor < 9e15 else { return "\(value)" }
    let scaled = Int((abs(value) * factor).rounded())
    let whole = "\(scaled / Int(factor))"
    let sign = value < 0 && scaled > 0 ? "-" : ""
    if decimals == 0 { return sign + whole }
    let fraction = "\(scaled % Int(factor))"
    return sign + whole + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
}

/// Formats `value` with two or three significant digits and an exponent: "1.20e-03".
package func scientific(_ value: Double, digits: Int = 3) -> String {
    guard value.isFinite, value != 0 else { return fixed(value, 2) }
    var exponent = Int(log10(abs(value)).rounded(.down))
    var mantissa = value / pow(10, Double(exponent))
    if abs(mantissa) >= (digits == 3 ? 9.995 : 9.95) {
        mantissa /= 10
        exponent += 1
    }
    let power = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
    return "\(fixed(mantissa, digits - 1))e\(exponent < 0 ? "-" : "+")\(power)"
}

/// Formats seconds as minutes and seconds, or with hours: "0:42", "12:05", "3:04:59".
package func clockTime(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    let total = Int(seconds.rounded())
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
}

/// Formats a share, 0 to 1, in percent: "12.34 %".
package func percent(_ share: Double, _ decimals: Int = 2) -> String { "\(fixed(100 * share, decimals)) %" }
