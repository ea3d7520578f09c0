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
    /// Messages contain names from files, so they are escaped by `PathText.shown` and truncated after `limit`
    /// characters.
    package init(_ exitCode: ExitCode, _ message: String) {
        self.exitCode = exitCode
        self.message = Failure.printable(message)
    }

    /// The maximum length of a message, in Unicode scalars.
    private static let limit = 1 << 14

    private static func printable(_ message: String) -> String {
        let scalars = message.unicodeScalars
        guard let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
            end < scalars.endIndex
        else { return PathText.shown(message) }
        return PathText.shown(String(scalars[..<end])) + "…"
    }

    package var description: String { message }
}
