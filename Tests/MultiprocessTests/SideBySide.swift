import Glibc
import Synchronization
import Testing

/// Runs the tests of a suite in parallel on their own threads.
///
/// A test that starts the program mostly waits: for `mpirun`, for a timeout, for the end of a process. Swift runs tests
/// on one thread per core, and a waiting test would block its thread. The reported duration of a test includes its wait
/// for a thread.
struct SideBySide: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    /// Two tests per core. A job waits for files, timeouts and single ranks half of the time, which the jobs of other
    /// tests use: on two cores, all tests took 338 s two at a time, 255 s three at a time and 210 s four at a time.
    private static let threads = TestThreads(min(max(2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)), 2), 8))

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { testCase == nil ? nil : self }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(SideBySide.threads) { try await function() }
    }
}

extension Trait where Self == SideBySide {
    /// Runs the tests in parallel, on threads that they may block.
    static var sideBySide: Self { Self() }
}

/// A fixed number of threads that run jobs in order of arrival until the process exits.
private final class TestThreads: TaskExecutor {
    private let waiting = Mutex<[UnownedJob]>([])
    private nonisolated(unsafe) let count: UnsafeMutablePointer<sem_t>

    init(_ threadCount: Int) {
        count = .allocate(capacity: 1)
        sem_init(count, 0, 0)
        for _ in 0..<threadCount {
            var thread = pthread_t()
            let error = pthread_create(
                &thread, nil,
                { context in
                    Unmanaged<TestThreads>.fromOpaque(context!).takeUnretainedValue().work()
                }, Unmanaged.passRetained(self).toOpaque())
            precondition(error == 0, "a thread for tests could not be created: \(String(cString: strerror(error)))")
            pthread_detach(thread)
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        waiting.withLock { $0.append(job) }
        sem_post(count)
    }

    private func work() -> Never {
        while true {
            guard sem_wait(count) == 0 else { continue }
            let job = waiting.withLock { $0.removeFirst() }
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
