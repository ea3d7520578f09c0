/// The one error that reaches a person: what went wrong, where, what is allowed and what to do next.
///
/// Every floor throws it; only the command line prints it and turns it into the process's exit code.
package struct Failure: Error, CustomStringConvertible, Equatable, Sendable {
    /// How the process ends when nobody can do anything about it.
    package var exitCode: ExitCode
    /// One or a few lines for a person, without a trailing newline.
    package var message: String

    /// A failure that ends the program with `exitCode` after printing `message`.
    package init(_ exitCode: ExitCode, _ message: String) {
        self.exitCode = exitCode
        self.message = message
    }

    package var description: String { message }
}
