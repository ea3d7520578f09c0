import Glibc
@testable import Kernels
import Numbers
import Synchronization
import Testing
import Threads

/// Runs `body` while `ThreadPool.shared` has `count` threads. Concurrent tests of other suites use them too, which
/// changes no bits.
func withThreads<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
    precondition(ThreadPool.shared.resize(to: count) == 0, "\(count) threads")
    defer { precondition(ThreadPool.shared.resize(to: 1) == 0) }
    return try body()
}

/// Tests that change the number of threads run one at a time.
@Suite(.serialized) enum ThreadTests {}

extension ThreadTests {
    @Suite struct ThreadPoolTests {
        @Test(arguments: 1...8, [true, false])
        func everyPartRunsOnce(threads: Int, mayWaitBusily: Bool) {
            precondition(ThreadPool.shared.resize(to: threads, mayWaitBusily: mayWaitBusily) == 0)
            defer { precondition(ThreadPool.shared.resize(to: 1) == 0) }
            #expect(ThreadPool.shared.count == threads)
            for call in 0..<3000 {
                let parts = call % 37
                var runs = [Int32](repeating: 0, count: parts)
                runs.withUnsafeMutableBufferPointer { runs in
                    let runs = runs
                    parallel(parts) { part in runs[part] += Int32(call + part) }
                }
                #expect(runs == (0..<parts).map { Int32(call + $0) })
            }
        }

        @Test func workersRunParts() {
            withThreads(2) {
                // Each part waits for the other, so a single thread would hang.
                let arrived = Atomic(0)
                parallel(2) { _ in
                    arrived.add(1, ordering: .sequentiallyConsistent)
                    while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
                }
                #expect(arrived.load(ordering: .relaxed) == 2)
            }
        }

        /// The pauses between calls are long enough for the workers to sleep, so they must be woken.
        @Test func sleepingWorkersWake() {
            withThreads(3) {
                for _ in 0..<20 {
                    usleep(2000)
                    let arrived = Atomic(0)
                    parallel(3) { _ in
                        arrived.add(1, ordering: .sequentiallyConsistent)
                        while arrived.load(ordering: .sequentiallyConsistent) < 3 { sched_yield() }
                    }
                }
            }
        }

        @Test func supportsNestedCalls() {
            withThreads(3) {
                let total = Atomic(0)
                for _ in 0..<200 {
                    parallel(5) { outer in
                        parallel(7) { inner in total.add(outer * 7 + inner, ordering: .relaxed) }
                    }
                }
                #expect(total.load(ordering: .relaxed) == 200 * 34 * 35 / 2)
            }
        }

        @Test func supportsConcurrentCallers() async {
            precondition(ThreadPool.shared.resize(to: 3) == 0)
            defer { precondition(ThreadPool.shared.resize(to: 1) == 0) }
            let sums = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let total = Atomic(0)
                        for _ in 0..<500 { parallel(9) { part in total.add(part, ordering: .relaxed) } }
                        return total.load(ordering: .relaxed)
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(sums == [18000, 18000, 18000, 18000])
        }

        @Test(arguments: [1, 2, 3, 5], [0, 1, 15, 16, 17, 100, 1000, 1001])
        func rangesCoverEverythingOnce(threads: Int, count: Int) {
            withThreads(threads) {
                for (grain, multiple) in [(1, 1), (1, 16), (10, 16), (64, 16), (300, 1), (5000, 16)] {
                    var runs = [Int](repeating: 0, count: count)
                    let ranges = Atomic(0)
                    runs.withUnsafeMutableBufferPointer { runs in
                        let runs = runs
                        parallel(count, grain: grain, multiple: multiple) { range in
                            ranges.add(1, ordering: .relaxed)
                            if range.lowerBound % multiple != 0 { runs[0] = -1 }
                            if range.upperBound != count, range.upperBound % multiple != 0 { runs[0] = -1 }
                            for index in range { runs[index] += 1 }
                        }
                    }
                    #expect(runs.allSatisfy { $0 == 1 })
                    if threads == 1 || count < 2 * grain { #expect(ranges.load(ordering: .relaxed) == 1) }
                }
            }
        }

        @Test func workersFlushDenormalsAndBlockSignals() {
            withThreads(2) {
                let arrived = Atomic(0)
                let failures = Atomic(0)
                let denormal = Float(bitPattern: 1 << 20)
                let values = UnsafeMutablePointer<Float>.allocate(capacity: 2)
                defer { values.deallocate() }
                let main = pthread_self()
                parallel(2) { part in
                    arrived.add(1, ordering: .sequentiallyConsistent)
                    while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
                    if pthread_equal(pthread_self(), main) != 0 { return }
                    values[part] = denormal
                    scale(values + part, by: 1, count: 1)
                    if values[part] != 0 { failures.add(1, ordering: .relaxed) }
                    var mask = sigset_t()
                    pthread_sigmask(SIG_BLOCK, nil, &mask)
                    for signal in [SIGUSR1, SIGTERM, SIGINT] where sigismember(&mask, signal) != 1 {
                        failures.add(1, ordering: .relaxed)
                    }
                }
                #expect(failures.load(ordering: .relaxed) == 0)
            }
        }

        @Test func resizingEndsThreads() {
            let pool = ThreadPool()
            #expect(pool.resize(to: 6) == 0)
            expectThreads(5)
            #expect(pool.resize(to: 3) == 0)
            expectThreads(2)
            #expect(pool.resize(to: 1) == 0)
            expectThreads(0)
        }
    }
}

/// Expects `count` worker threads. A joined thread may be listed for a moment longer.
private func expectThreads(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) {
    func workers() -> Int { threadNames().count { $0.hasPrefix("dtrain-") } }
    for _ in 0..<1000 where workers() != count { usleep(1000) }
    #expect(workers() == count, sourceLocation: sourceLocation)
}

/// Returns the names of the threads of this process.
private func threadNames() -> [String] {
    guard let directory = opendir("/proc/self/task") else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let id = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard let file = fopen("/proc/self/task/\(id)/comm", "r") else { continue }
        defer { fclose(file) }
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { line in
            if fgets(line.baseAddress!, 32, file) != nil { names.append(String(cString: line.baseAddress!)) }
        }
    }
    return names
}
