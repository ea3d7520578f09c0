import Glibc
import Synchronization
import TestSupport
import Texts

/// A command that runs as if a user or a batch system had started it, with all processes that it starts.
final class Job {
    /// The process that was started: the program itself or `mpirun`.
    let pid: pid_t
    private let files: TemporaryDirectory
    /// An environment variable that marks this job's processes, which `mpirun` may put in other process groups.
    private let mark: String
    private var outcome: Outcome?

    /// The result of a command.
    struct Outcome {
        /// The exit code; 128 + the number of the signal that ended it.
        let exitCode: Int32
        let output: String
        let errors: String
        /// The peak resident memory of the process `pid` up to a few milliseconds before its end, in bytes.
        let peakResidentBytes: Int
        /// Processes that are still running `graceSeconds` after the command has ended.
        let leftBehind: [pid_t]

        /// The lines of dtrain on standard error, without those of `mpirun`.
        var messages: [String] {
            errors.split(separator: "\n").filter { $0.hasPrefix("dtrain: ") }.map(String.init)
        }
    }

    private static let started = Atomic(0)

    /// Starts the command `words` in `directory`, with `environment` in addition to this process's environment. Words
    /// may contain any bytes, in the representation of `PathText`.
    init(_ words: [String], in directory: String, environment: [String: String] = [:]) {
        files = TemporaryDirectory()
        mark = "DTRAIN_TEST_JOB=\(getpid())-\(Job.started.add(1, ordering: .relaxed).newValue)"

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for (descriptor, name) in [(STDOUT_FILENO, "output"), (STDERR_FILENO, "errors")] {
            posix_spawn_file_actions_addopen(&actions, descriptor, files.file(name), O_WRONLY | O_CREAT, 0o644)
        }

        var variables = Job.defaults.merging(Job.inherited) { $1 }.merging(environment) { $1 }
        variables[String(mark.prefix { $0 != "=" })] = String(mark.drop { $0 != "=" }.dropFirst())
        // Glibc's module has no file action to change the directory, so a shell does it and then executes the command.
        let arguments =
            (["sh", "-c", #"cd "$0" && exec "$@""#, directory] + words).map { word in
                (PathText.bytes(of: word).map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer {
                    strdup($0.baseAddress!)
                }
            } + [nil]
        let settings = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + settings { free(text) } }
        var child: pid_t = 0
        let error = withChildAttributes { posix_spawn(&child, "/bin/sh", &actions, &$0, arguments, settings) }
        precondition(error == 0, "/bin/sh could not be started: \(String(cString: strerror(error)))")
        pid = child
    }

    deinit {
        if outcome == nil { _ = finish(timeoutSeconds: 0) }
    }

    /// Waits until the command ends, and kills it with all its processes after `timeoutSeconds`. Processes that still
    /// run `graceSeconds` after its end are reported as `leftBehind` and killed.
    func finish(timeoutSeconds: Double = 300, graceSeconds: Double = 2) -> Outcome {
        if let outcome { return outcome }
        var (status, peak): (Int32, Int) = (0, 0)
        let ended = Job.poll(seconds: timeoutSeconds) {
            peak = max(peak, Job.peakResidentBytes(of: self.pid))
            return waitpid(self.pid, &status, WNOHANG) == self.pid
        }
        if !ended {
            for process in processes() + [pid] { kill(process, SIGKILL) }
            waitpid(pid, &status, 0)
        }
        _ = Job.poll(seconds: graceSeconds) { self.processes().isEmpty }
        let survivors = processes()
        for process in survivors { kill(process, SIGKILL) }
        let signal = status & 0x7F
        let outcome = Outcome(
            exitCode: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: contents("output"),
            errors: contents("errors"), peakResidentBytes: peak, leftBehind: survivors)
        self.outcome = outcome
        return outcome
    }

    /// The output so far.
    var output: String { contents("output") }

    /// Sends a signal to the started process.
    func send(_ signal: Int32) { kill(pid, signal) }

    /// The process of rank `rank`; nil if it has not started yet.
    func process(ofRank rank: Int) -> pid_t? {
        processes().first { Job.environment(of: $0).contains("OMPI_COMM_WORLD_RANK=\(rank)") }
    }

    /// The job's `mpirun` process; nil if it has not started yet.
    func launcher() -> pid_t? {
        processes().first { ["mpirun\n", "orterun\n"].contains(Job.text(of: "/proc/\($0)/comm")) }
    }

    /// Whether a process has a handler for `signal`.
    static func catches(_ signal: Int32, _ process: pid_t) -> Bool {
        let status = text(of: "/proc/\(process)/status").split(separator: "\n")
        let mask = status.first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t").last.flatMap {
            UInt64($0, radix: 16)
        }
        return (mask ?? 0) >> UInt64(signal - 1) & 1 == 1
    }

    /// The peak resident memory of a process since it started its program; 0 if it has ended. `wait4` would report the
    /// peak of the process that it was forked from, if that is larger.
    private static func peakResidentBytes(of process: pid_t) -> Int {
        let line = text(of: "/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }

    /// Waits until `condition` holds, which is checked every four milliseconds.
    ///
    /// - Returns: Whether it did within `seconds`.
    static func poll(seconds: Double, until condition: () -> Bool) -> Bool {
        let (clock, start) = (ContinuousClock(), ContinuousClock().now)
        while !condition() {
            if clock.now - start >= .seconds(seconds) { return false }
            usleep(4000)
        }
        return true
    }

    /// All running processes of the job.
    private func processes() -> [pid_t] {
        var found: [pid_t] = []
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let process = pid_t(name), Job.environment(of: process).contains(mark) { found.append(process) }
        }
        return found
    }

    /// The environment with which a process was started; empty if it has ended.
    private static func environment(of process: pid_t) -> [String] {
        bytes(of: "/proc/\(process)/environ").split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    private func contents(_ name: String) -> String { Job.text(of: files.file(name)) }

    private static func text(of path: String) -> String { String(decoding: bytes(of: path), as: UTF8.self) }

    /// The bytes of a file whose size may be unknown, as in /proc.
    private static func bytes(of path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var (all, block): ([UInt8], [UInt8]) = ([], Array(repeating: 0, count: 1 << 16))
        while true {
            let count = read(descriptor, &block, block.count)
            if count <= 0 { return all }
            all += block[..<count]
        }
    }

    private static let inherited: [String: String] = {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            variables[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
            entry += 1
        }
        return variables
    }()

    /// Settings that Open MPI needs to run more ranks than cores, as root, or in a container, and to bind no rank to a
    /// core that other jobs use.
    private static let defaults = [
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_hwloc_base_binding_policy": "none",
        "OMP_NUM_THREADS": "1",
    ]
}
