import Collectives
import Failures
import Files
import Glibc
import Texts

/// Where the program speaks to a person. Only rank 0 speaks.
package final class Console {
    /// Whether lines can be redrawn in place.
    package let isTerminal: Bool
    /// Whether nothing can be printed any more.
    package private(set) var isClosed = false
    /// What standard output could not take first.
    private var failure: Failure?
    /// Whether the command goes on without standard output.
    private var isOptional = false
    private let speaks: Bool
    private var openLine = false

    /// A console that is silent on all ranks but the first.
    package init(rank: Int) {
        speaks = rank == 0
        isTerminal = Console.standardOutputIsTerminal()
    }

    /// Prints a line that stays; bytes of paths that are not UTF-8 as `\xNN`.
    package func say(_ line: String) {
        guard speaks else { return }
        emit((openLine ? Console.erase : "") + PathText.shown(line) + "\n")
        openLine = false
    }

    /// Prints a line on standard error: what a person should know, and a program that reads the output should not see.
    package func warn(_ line: String) {
        guard speaks else { return }
        let text = Array("dtrain: \(PathText.shown(line))\n".utf8)
        _ = text.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// The columns of the terminal.
    package var columns: Int { Console.width() }

    /// Draws a line over the one drawn before; only on a terminal.
    package func draw(_ line: String) {
        guard speaks, isTerminal else { return }
        emit(Console.erase + PathText.shown(line).prefix(max(1, Console.width() - 1)))
        openLine = true
    }

    /// Prints bytes as they are, such as those of generated text. What cannot be printed is remembered for `finish`.
    package func write(_ bytes: [UInt8]) {
        guard speaks, !isClosed else { return }
        take(StandardOutput.write(bytes))
    }

    /// From now on what is printed is progress: the work goes on where it cannot be printed. A failure is reported at
    /// once, and the next line is tried again.
    package func makeOptional() { isOptional = true }

    /// What became of all that was printed.
    package enum End: Int64 {
        case written, readerLeft, failed
    }

    /// Ends printing, and reports on standard error, once, what standard output could not take. A reader that has ended, as
    /// `head` does, is no failure.
    package func finish() -> End {
        _ = flush()
        guard let failure else { return isClosed && !isOptional ? .readerLeft : .written }
        if !isOptional { warn(failure.message) }
        return .failed
    }

    /// Asks for errors that the system reports late.
    ///
    /// - Returns: Whether standard output has taken all that was printed so far, or its reader has ended.
    package func flush() -> Bool {
        if speaks, !isClosed { take(StandardOutput.flush()) }
        return failure == nil
    }

    private func take(_ outcome: StandardOutput.Outcome) {
        switch outcome {
        case .written: return
        case .readerLeft: isClosed = true
        case .failed(let failure):
            // A disk that is full now may have room for later lines of progress, but a result must have no gaps.
            isClosed = !isOptional
            guard self.failure == nil else { return }
            self.failure = failure
            if isOptional {
                let code = ExitCode.inputOutput.rawValue
                warn("\(failure.message) The training goes on without it and ends with code \(code).")
            }
        }
    }

    private func emit(_ text: String) { write(Array(text.utf8)) }

    /// Back to the start of the line, and nothing on it.
    private static let erase = "\r\u{1B}[2K"

    /// The columns of the terminal.
    private static func width() -> Int {
        var size = winsize()
        for descriptor in [STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO]
        where ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 {
            return Int(size.ws_col)
        }
        return getenv("COLUMNS").flatMap { Int(String(cString: $0)) } ?? 100
    }

    /// Whether a person sees standard output.
    ///
    /// `mpirun` gives its ranks a pseudo-terminal even when its own output goes to a file, so under it the question is
    /// asked of the parent's output.
    private static func standardOutputIsTerminal() -> Bool {
        guard isatty(STDOUT_FILENO) == 1 else { return false }
        guard LaunchEnvironment.isLaunched else { return true }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { target in
            let length = readlink("/proc/\(getppid())/fd/1", target.baseAddress!, target.count - 1)
            guard length > 0 else { return false }
            target[length] = 0
            let path = String(cString: target.baseAddress!)
            return path.hasExactPrefix("/dev/pts/") || path.hasExactPrefix("/dev/tty")
        }
    }
}
