import CProcessor
import Glibc
import Numbers
import Testing
import Threads

@Suite struct ProcessorTests {
    /// Runs on a new thread, because the setting is per thread.
    @Test func preparedThreadsFlushDenormals() async {
        let products = await withCheckedContinuation { continuation in
            onNewThread {
                let before = product(denormal, 1)
                ComputeThread.prepare()
                continuation.resume(returning: [before, product(denormal, 1), product(1e-30, 1e-10)])
            }
        }
        #expect(products == [denormal, 0, 0])
    }

    @Test func aThreadIsPreparedForAWhile() async {
        let products = await withCheckedContinuation { continuation in
            onNewThread {
                let inside = ComputeThread.prepared { product(denormal, 1) }
                continuation.resume(returning: [inside, product(denormal, 1)])
            }
        }
        #expect(products == [0, denormal])
    }

    @Test func thisCPUSupportsTheCompiledExtensions() {
        #expect(Processor.builtFor() & ~cprocessor_features() == 0)
    }
}

private let denormal = Float(bitPattern: 1 << 20)

/// Computes `value` · `factor` with a kernel.
private func product(_ value: Float, _ factor: Float) -> Float {
    var value = value
    scale(&value, by: factor, count: 1)
    return value
}

/// Runs `body` on a new thread.
private func onNewThread(_ body: @escaping @Sendable () -> Void) {
    final class Box { let body: () -> Void; init(_ body: @escaping () -> Void) { self.body = body } }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Box(body)).toOpaque()
    let status = pthread_create(
        &thread, nil,
        { raw in
            Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue().body()
            return nil
        }, argument)
    precondition(status == 0, "a thread")
    pthread_detach(thread)
}
