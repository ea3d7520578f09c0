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

    /// The processes with the same parent and program as `process`, in the order of their ranks.
    static func all(of process: pid_t) -> [JobProcess] {
        guard let own = Status(process) else { return [] }
        let numbers = ((try? FileSystem.list("/proc")) ?? []).compactMap { pid_t($0) }
        return numbers.compactMap { number -> JobProcess? in
            // Without a launcher the parent is a shell, whose other children are other jobs.
            guard let status = Status(number), number == process || own.rank != nil,
                number == process || (status.parent == own.parent && status.name.exact == own.name.exact)
            else { return nil }
            return JobProcess(
                process: number, rank: status.rank, residentBytes: status.residentBytes, threads: status.threads,
                processorSeconds: status.processorSeconds, state: status.state)
        }.sorted { ($0.rank ?? 0, $0.process) < ($1.rank ?? 0, $1.process) }
    }

    /// The members of /proc/PID that are shown.
    private struct Status {
        let name: String
        let parent: Int
        let rank: Int?
        let residentBytes: Double
        let threads: Int
        let processorSeconds: Double
        let state: String

        init?(_ process: pid_t) {
            guard let text = FileSystem.systemText("/proc/\(process)/stat") else { return nil }
            // The name is in parentheses and may contain some; the fields from the third on follow, see proc(5).
            let parts = text.exactParts(at: ")")
            name = parts.dropLast().joined(separator: ")").exactHalves(at: "(")?.behind ?? ""
            let fields = (parts.last ?? "").exactParts(at: " ", omittingEmpty: true)
            guard fields.count > 21, let parent = Int(fields[1]), let user = Double(fields[11]),
                let system = Double(fields[12]), let threads = Int(fields[17]), let pages = Double(fields[21])
            else { return nil }
            self.parent = parent
            self.threads = threads
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
}
