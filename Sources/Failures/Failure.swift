import Texts

/// The one error that reaches a person: what went wrong, where, what is allowed and what to do next.
///
/// Every floor throws it; only the command line prints it and turns it into the process's exit code.
package struct Failure: Error, CustomStringConvertible, Equatable, Sendable {
    /// How the process ends when nobody can do anything about it.
    package var exitCode: ExitCode
    /// One or a few lines for a person, without a trailing newline.
    package var message: String

    /// A failure that ends the program with `exitCode` after printing `message`.
    ///
    /// Names from files stand in messages: control characters other than a line's end, which a terminal would obey, and
    /// bytes of paths that are not UTF-8 become visible, and what is longer than anybody reads is cut.
    package init(_ exitCode: ExitCode, _ message: String) {
        self.exitCode = exitCode
        self.message = Failure.printable(message)
    }

    /// The most characters of a message.
    private static let limit = 1 << 14

    private static func printable(_ message: String) -> String {
        if message.utf8.count <= limit, message.utf8.allSatisfy({ 0x20..<0x7F ~= $0 || $0 == 0x0A }) { return message }
        var text = ""
        for (index, scalar) in message.unicodeScalars.enumerated() {
            if index == limit { return text + "…" }
            if PathText.byte(of: scalar) != nil {
                text += PathText.shown(String(scalar))
                continue
            }
            let isControl = scalar.properties.generalCategory == .control && scalar != "\n"
            if isControl {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    package var description: String { message }
}
