import Synchronization
import Testing
import Threads

@Suite struct ThreadsTests {
    @Test func threadRunsConcurrently() throws {
        let (go, done) = (Semaphore(count: 0), Semaphore(count: 0))
        let thread = try BackgroundThread("test") {
            go.wait()
            done.signal()
        }
        #expect(!done.wait(seconds: 0.01))
        go.signal()
        done.wait()
        thread.join()
    }

    @Test func releasesItsClosure() throws {
        final class Held: Sendable {}
        weak var held: Held?
        do {
            let object = Held()
            held = object
            let thread = try BackgroundThread("test") { _ = object }
            thread.join()
        }
        #expect(held == nil)
    }

    @Test func waitTimesOut() {
        let semaphore = Semaphore(count: 1)
        #expect(semaphore.wait(seconds: 0))
        #expect(!semaphore.wait(seconds: 0.02))
        semaphore.signal()
        #expect(semaphore.wait(seconds: 5))
    }
}
