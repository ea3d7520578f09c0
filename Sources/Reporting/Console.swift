import Collectives
import Failures
import Files
import Glibc
import Texts

/// The program's output to its user. Only rank 0 prints.
package final class Console {
    /// Whether lines can be redrawn in place.
    package let isTerminal: Bool
    /// Whether printing has ended, because standard output failed or its reader has ended.
    package private(set) var isClosed = false
    /// The first failure of standard output.
    private var failure: Failure?
    /// Whether the command continues without standard output.
    private var isOptional = false
    private let speaks: Bool
    private var openLine = false

    /// Creates a console that prints nothing unless `rank` is 0.
    package init(rank: Int) {
        speaks = rank == 0
        isTerminal = Console.standardOutputIsTerminal()
    }

    /// Prints a permanent line on standard output, as `PathText.shown` shows it.
    package func say(_ line: String) {
        guard speaks else { return }
        emit((openLine ? Console.erase : "") + PathText.shown(line) + "\n")
        openLine = false
    }

    /// Prints a line on standard error: a notice for the user, not for programs that read standard output.
    package func warn(_ line: String) {
        guard speaks else { return }
        clearLine()
        let text = Array("dtrain: \(PathText.shown(line))\n".utf8)
        _ = text.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// The width of the terminal in columns.
    package var columns: Int { Console.width() }

    /// Draws a line in place of the one drawn before; does nothing unless standard output is a terminal.
    package func draw(_ line: String) {
        guard speaks, isTerminal else { return }
        emit(Console.erase + PathText.shown(line).prefix(max(1, Console.width() - 1)))
        openLine = true
    }

    /// The number of lines of the terminal.
    package var rows: Int { Console.size().map { Int($0.ws_row) } ?? 24 }

    /// Fills the terminal with `text`, in place of what it showed.
    package func fill(_ text: String) {
        guard speaks else { return }
        let lines = text.exactParts(at: "\n").map { "\(PathText.shown($0))\u{1B}[K\r\n" }.joined()
        emit("\u{1B}[H" + lines + "\u{1B}[J")
        openLine = false
    }

    /// Prints bytes unchanged, such as those of generated text. A failure is stored for `finish`.
    package func write(_ bytes: [UInt8]) {
        guard speaks, !isClosed else { return }
        take(StandardOutput.write(bytes))
    }

    /// Removes the line that `draw` has drawn, so that a message starts on a new line.
    package func clearLine() {
        guard openLine else { return }
        emit(Console.erase)
        openLine = false
    }

    /// Makes all further output optional: the command continues if it cannot be written. A write error is reported
    /// immediately; writing is tried again with each later line.
    package func makeOptional() { isOptional = true }

    /// The result of printing.
    package enum End: Int64 {
        case written, readerLeft, failed
    }

    /// Ends printing and reports a failure of standard output once, on standard error. A reader that ends early, as
    /// `head` does, is not a failure.
    package func finish() -> End {
        _ = flush()
        guard let failure else { return isClosed && !isOptional ? .readerLeft : .written }
        if !isOptional { warn(failure.message) }
        return .failed
    }

    /// Asks the system for errors that it reports late.
    ///
    /// - Returns: Whether standard output has accepted all output so far, or its reader has ended.
    package func flush() -> Bool {
        if speaks, !isClosed { take(StandardOutput.flush()) }
        return failure == nil
    }

    private func take(_ outcome: StandardOutput.Outcome) {
        switch outcome {
        case .written: return
        case .readerLeft: isClosed = true
        case .failed(let failure):
            // A full disk may have space for later progress lines, but a result must have no gaps.
            isClosed = !isOptional
            guard self.failure == nil else { return }
            self.failure = failure
            if isOptional {
                let code = ExitCode.inputOutput.rawValue
                warn("\(failure.message) Training continues without it and exits with code \(code).")
            }
        }
    }

    private func emit(_ text: String) { write(Array(text.utf8)) }

    /// Moves to the start of the line and erases it.
    private static let erase = "\r\u{1B}[2K"

    /// The width of the terminal in columns.
    private static func width() -> Int {
        size().map { Int($0.ws_col) } ?? getenv("COLUMNS").flatMap { Int(String(cString: $0)) } ?? 100
    }

    /// The size of the terminal; nil without one.
    private static func size() -> winsize? {
        var size = winsize()
        for descriptor in [STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO]
        where ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 {
            return size
        }
        return nil
    }

    /// Whether standard output is a terminal.
    ///
    /// `mpirun` gives its ranks a pseudo-terminal even if its own output is redirected to a file, so under `mpirun` the
    /// standard output of the parent process is checked.
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
