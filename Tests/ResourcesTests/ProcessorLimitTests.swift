import Collectives
import Tensors
import Testing

@testable import Resources

struct ProcessorLimitTests {
    @Test func measuredPeakIsPlausible() throws {
        let limit = try ProcessorLimit(.float32, measuringWith: SoloCommunicator()).flopsPerSecond
        // From a slow core to a very wide one.
        #expect((1e8...1e13).contains(limit), "\(limit)")
    }
}
