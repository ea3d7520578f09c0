import Glibc

/// Ends the process unless `condition` is true.
///
/// For what only a bug can violate and what would corrupt memory or results: unlike a `precondition`, it is checked in
/// every build, also in targets that are compiled with `-Ounchecked`.
///
/// - Parameter message: The requirement that is violated; evaluated only then.
@inline(__always)
package func require(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !condition { endProcess("internal error: \(message()) (\(file):\(line)). Please report it.") }
}

/// Prints one line on standard error and ends the process with exit code 70; `mpirun` then ends the other ranks.
///
/// For errors after which no code can run safely. It allocates little, because memory may be exhausted.
@inline(never)
package func endProcess(_ message: String) -> Never {
    var line = "dtrain: \(message)\n"
    line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    _exit(ExitCode.internalError.rawValue)
}
