import Files
import Glibc
import Texts

/// How long the threads of this process have computed, and how long they were ready to compute without a core.
///
/// From two states follows the share of its cores that a job had in between, which is less than 1 while other programs
/// run.
struct ProcessorUse {
    /// The time of computing of all threads, in seconds.
    let seconds: Double
    /// The time of waiting for a core of all threads, in seconds; nil if the system does not count it.
    let delaySeconds: Double?

    init(seconds: Double, delaySeconds: Double?) { (self.seconds, self.delaySeconds) = (seconds, delaySeconds) }

    /// The state until now.
    init() {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        self.seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        let tasks = (try? FileSystem.list("/proc/self/task")) ?? []
        let delays = tasks.compactMap { FileSystem.systemText("/proc/self/task/\($0)/schedstat") }
            .map { ProcessorUse.delay($0) }
        delaySeconds = delays.isEmpty ? nil : delays.reduce(0, +)
    }

    /// The second number of a thread's `schedstat`: the time that it waited for a core, in seconds.
    static func delay(_ text: String) -> Double {
        let numbers = text.exactParts(at: " ")
        return numbers.count > 1 ? (Double(numbers[1]) ?? 0) * 1e-9 : 0
    }

    /// The share of its cores that the job had since an earlier state; about 1 or more if no other programs ran.
    ///
    /// Two shares are known to be at most the true one, and the larger is taken. Threads that computed less than the
    /// elapsed time lacked a core, or had nothing to do, because not all work is divided among them. The elapsed time
    /// would be shorter by all delays together if each thread waited for every delay of the others.
    ///
    /// - Parameters:
    ///   - elapsed: The time since `earlier`, in seconds.
    ///   - threads: The compute threads of this rank.
    ///   - largest: The share of a core that a thread has if no other programs run: less than 1 if the ranks of this
    ///     host have more threads than cores.
    func share(since earlier: ProcessorUse, elapsed: Double, threads: Int, largest: Double) -> Double {
        let used = (seconds - earlier.seconds) / (elapsed * Double(threads))
        var undelayed = 0.0
        if let delaySeconds, let before = earlier.delaySeconds { undelayed = 1 - (delaySeconds - before) / elapsed }
        return max(used, undelayed) / largest
    }
}
