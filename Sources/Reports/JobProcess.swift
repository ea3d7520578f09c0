import Files
import Glibc
import Texts

/// A process of a job on this host, as /proc describes it.
struct JobProcess {
    let process: pid_t
    /// Its rank; nil if its environment cannot be read, or if it was started without `mpirun`.
    let rank: Int?
    let residentBytes: Double
    let threads: Int
    /// The processor time that it has used, in seconds.
    let processorSeconds: Double
    /// What the system says: "running", "waiting" and so on.
    let state: String
    private let program: String
    private let parent: Int

    /// The processes with the same parent and program as `process`, in the order of their ranks.
    static func all(of process: pid_t) -> [JobProcess] {
        guard let own = JobProcess(process) else { return [] }
        // Without a launcher the parent is a shell, whose other children are other jobs.
        guard own.rank != nil else { return [own] }
        return ((try? FileSystem.list("/proc")) ?? []).compactMap { pid_t($0) }.compactMap { JobProcess($0) }
            .filter { $0.parent == own.parent && $0.program.exact == own.program.exact }
            .sorted { ($0.rank ?? 0, $0.process) < ($1.rank ?? 0, $1.process) }
    }

    private init?(_ process: pid_t) {
        guard let statistics = ProcessStatistics(process) else { return nil }
        let fields = statistics.fields
        guard fields.count > 21, let parent = Int(fields[1]), let user = Double(fields[11]),
            let system = Double(fields[12]), let threads = Int(fields[17]), let pages = Double(fields[21])
        else { return nil }
        (self.process, program, self.parent, self.threads) = (process, statistics.name, parent, threads)
        processorSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        residentBytes = pages * Double(sysconf(Int32(_SC_PAGESIZE)))
        state =
            switch fields[0] {
            case "R": "running"
            case "S": "waiting"
            case "D": "waiting for the disk"
            case "T": "stopped"
            case "Z": "ended"
            default: fields[0]
            }
        let variables = FileSystem.systemText("/proc/\(process)/environ")?.exactParts(at: "\0") ?? []
        rank = variables.compactMap { $0.withoutExactPrefix("OMPI_COMM_WORLD_RANK=") }.first.flatMap { Int($0) }
    }
}
