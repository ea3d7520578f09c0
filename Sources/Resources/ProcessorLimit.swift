import Collectives
import Products
import Profiling
import Tensors
import Threads

/// The peak floating-point rate of all threads of all ranks, measured while all of them compute at once.
package struct ProcessorLimit {
    /// Floating-point operations per second, summed over all ranks.
    package let flopsPerSecond: Double

    /// Measures the rate of multiply-adds of matmuls whose operands are stored in `format`, for about 20 ms: the fastest
    /// millisecond of each thread, since a core needs time to speed up, and other programs slow it down. Collective:
    /// every rank calls it.
    package init(_ format: FloatFormat, measuringWith communicator: any Communicator) throws(MPIError) {
        try communicator.barrier()
        let (clock, threads) = (ContinuousClock(), ThreadPool.shared.count)
        let start = clock.now
        let rate = withUnsafeTemporaryAllocation(of: Double.self, capacity: threads) { rates in
            parallel(threads) { thread in
                var (fastest, sink): (Double, Float) = (0, 0)
                var sliceStart = clock.now
                var operations = 0
                while sliceStart - start < .milliseconds(20) {
                    let result = ProductLimit.multiply(format)
                    operations += result.operations
                    sink += result.sink
                    let now = clock.now
                    guard now - sliceStart >= .milliseconds(1) else { continue }
                    fastest = max(fastest, Double(operations) / (now - sliceStart).seconds)
                    (sliceStart, operations) = (now, 0)
                }
                // Using the sum, which is never negative, prevents the compiler from removing the loop.
                rates.initializeElement(at: thread, to: sink >= 0 ? fastest : 0)
            }
            return rates.reduce(0, +)
        }
        flopsPerSecond = Double(try communicator.sum(Int64(rate)))
    }
}
