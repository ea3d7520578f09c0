import Texts

/// The only error type that is shown to the user: what failed, where, what is allowed and what to do next.
///
/// Code of every layer throws it; only the command line prints it and turns it into the process's exit code.
package struct Failure: Error, CustomStringConvertible, Equatable, Sendable {
    /// The exit code of the process if no caller handles the failure.
    package var exitCode: ExitCode
    /// One or a few lines for the user, without a trailing newline.
    package var message: String

    /// A failure that ends the program with `exitCode` after printing `message`.
    ///
    /// Messages contain names from files, so control characters other than newlines, which a terminal would interpret,
    /// and bytes of paths that are not UTF-8 are escaped, and the message is truncated after `limit` characters.
    package init(_ exitCode: ExitCode, _ message: String) {
        self.exitCode = exitCode
        self.message = Failure.printable(message)
    }

    /// The maximum length of a message, in Unicode scalars.
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
