import Testing

@testable import Training

struct StragglerWatchTests {
    /// The notices after each window of steps with these times of the ranks.
    private func notices(_ windows: [[Double]], factor: Double = 1.5) -> [String?] {
        var watch = StragglerWatch(factor: factor, hosts: ["a", "a", "b", "b"])
        return windows.map { seconds in
            var notices: [String] = []
            for _ in 0..<StragglerWatch.window {
                seconds.withUnsafeBufferPointer { if let notice = watch.note($0) { notices.append(notice) } }
            }
            #expect(notices.count <= 1)
            return notices.first
        }
    }

    @Test func slowRankIsNamedOnce() {
        let slow = [0.2, 0.25, 0.5, 0.2]
        let found = notices([slow, slow, [0.2, 0.2, 0.2, 0.9]])
        #expect(found[0]?.hasPrefix("rank 2 on host b is slow: it computed 0.500 s per step") == true)
        #expect(found[0]?.contains("others 0.200 s") == true)
        #expect(found[1] == nil)
        #expect(found[2]?.hasPrefix("rank 3 on host b") == true)
    }

    @Test func smallDifferencesAreNotReported() {
        #expect(notices([[0.2, 0.2, 0.29, 0.2]]) == [nil])
        #expect(notices([[0.2, 0.2, 0.29, 0.2]], factor: 1.2)[0] != nil)
        var alone = StragglerWatch(factor: 1, hosts: ["a"])
        for _ in 0..<100 { [1.0].withUnsafeBufferPointer { #expect(alone.note($0) == nil) } }
    }
}
