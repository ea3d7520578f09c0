/// Formats an integer with a space between groups of thousands: "10 844 928".
package func grouped(_ value: Int) -> String {
    var text = ""
    for (index, digit) in "\(abs(value))".reversed().enumerated() {
        if index > 0, index % 3 == 0 { text.append(" ") }
        text.append(digit)
    }
    return (value < 0 ? "-" : "") + String(text.reversed())
}

/// Formats a number and its noun, in singular or plural: "1 step", "2 000 steps".
///
/// - Parameter ending: The plural ending: "es" for a class.
package func counted(_ count: Int, _ noun: String, _ ending: String = "s") -> String {
    "\(grouped(count)) \(noun)\(count == 1 ? "" : ending)"
}
