import Texts
import Files
import Glibc

/// The cores that one rank may use, according to the operating system.
package struct UsableCores: Equatable, Sendable {
    /// An identifier of the machine.
    let machine: String
    /// The physical cores on which the rank may run, each identified by its lowest logical CPU number. The two hardware
    /// threads of a core share its arithmetic units, so they count once.
    package let cores: [Int]
    /// The CPU limit of the rank's control group; nil: no limit.
    let quota: ProcessorQuota?
    /// The number of physical cores of the machine.
    let machineCoreCount: Int
    /// Whether the rank is bound: it may use fewer cores than the machine or container provides.
    package fileprivate(set) var isBound = false
    /// The process ID of the rank on its machine.
    var process = 0

    /// The cores that this process may use.
    package static func ofThisProcess() -> UsableCores {
        let status = FileSystem.systemText("/proc/self/status") ?? ""
        let allowed = status.exactParts(at: "\n").first { $0.hasExactPrefix("Cpus_allowed_list:") }
        let online = physicalCores(FileSystem.systemText("/sys/devices/system/cpu/online") ?? "0")
        let granted = controlGroupCores() ?? online
        let cores = allowed.map { physicalCores($0.dropFirst("Cpus_allowed_list:".count)) } ?? online
        let machine =
            FileSystem.systemText("/proc/sys/kernel/random/boot_id")
            ?? FileSystem.systemText("/proc/sys/kernel/hostname") ?? "?"
        return UsableCores(
            machine: machine.filter { !$0.isWhitespace }, cores: cores, quota: .ofThisProcess(),
            machineCoreCount: max(online.count, cores.count), isBound: cores.count < granted.count,
            process: Int(getpid()))
    }

    /// The logical CPUs of a list such as "0-3,8".
    static func processors(_ list: some StringProtocol) -> [Int] {
        list.split { $0 == "," || $0.isWhitespace }.flatMap { part in
            let ends = String(part).exactParts(at: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first >= 0, first <= last, last < 1 << 16 else {
                return [Int]()
            }
            return Array(first...last)
        }
    }

    /// The physical cores of a list of logical CPUs, in ascending order.
    static func physicalCores(_ list: some StringProtocol) -> [Int] {
        let cores = processors(list).map { processor in
            let path = "/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
            return FileSystem.systemText(path).flatMap { processors($0).min() } ?? processor
        }
        return Set(cores).sorted()
    }

    /// The cores of the process's control group (version 2 or 1); nil if neither version defines them.
    private static func controlGroupCores() -> [Int]? {
        let lines = (FileSystem.systemText("/proc/self/cgroup") ?? "").split(separator: "\n")
        func path(_ mark: String) -> Substring { lines.first { $0.contains(mark) }.map { $0.drop { $0 != "/" } } ?? "" }
        // Within a container its own group is the root, even if the path is that of the host.
        let files = [
            "/sys/fs/cgroup\(path("0::"))/cpuset.cpus.effective", "/sys/fs/cgroup/cpuset.cpus.effective",
            "/sys/fs/cgroup/cpuset\(path(":cpuset:"))/cpuset.effective_cpus",
            "/sys/fs/cgroup/cpuset/cpuset.effective_cpus",
        ]
        for file in files {
            if let cores = FileSystem.systemText(file).map({ physicalCores($0) }), !cores.isEmpty { return cores }
        }
        return nil
    }

    /// The value as one line, which `init(line:)` parses.
    var line: String {
        let numbers = [quota?.cores ?? 0, machineCoreCount, isBound ? 1 : 0, process] + cores
        return "\(machine) \(quota?.group ?? "-") \(numbers.map(String.init).joined(separator: " "))"
    }

    init(
        machine: String, cores: [Int], quota: ProcessorQuota?, machineCoreCount: Int, isBound: Bool = false,
        process: Int = 0
    ) {
        (self.machine, self.cores, self.quota) = (machine, cores, quota)
        (self.machineCoreCount, self.isBound, self.process) = (machineCoreCount, isBound, process)
    }

    /// Parses a value of `line`.
    init(line: String) {
        let words = line.exactParts(at: " ", omittingEmpty: true)
        let numbers = words.dropFirst(2).compactMap { Int($0) }
        let group = words.dropFirst().first ?? "-"
        machine = String(words.first ?? "?")
        quota = numbers.first.flatMap { $0 > 0 ? ProcessorQuota(cores: $0, group: String(group)) : nil }
        machineCoreCount = numbers.dropFirst().first ?? 1
        isBound = numbers.dropFirst(2).first == 1
        process = numbers.dropFirst(3).first ?? 0
        cores = Array(numbers.dropFirst(4))
    }
}
