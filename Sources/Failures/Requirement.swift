import Glibc

/// Ends the process unless `condition` is true.
///
/// Used for conditions that only a bug can violate and whose violation would corrupt memory or results: unlike a
/// `precondition`, such a condition is checked in every build, including targets that are compiled with `-Ounchecked`.
///
/// - Parameter message: What was found or what is required; evaluated only if the condition is false.
@inline(__always)
package func require(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !condition { endProcess("internal error: \(message()) (\(file):\(line)). Please report it.") }
}

/// Prints one line on standard error and ends the process with exit code 70; `mpirun` then ends the other ranks.
///
/// Used after errors that leave no code safe to run. It allocates little, because memory may be exhausted.
@inline(never)
package func endProcess(_ message: String) -> Never {
    var line = "dtrain: \(message)\n"
    line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    _exit(ExitCode.internalError.rawValue)
}
