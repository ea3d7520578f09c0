import TestSupport
import Testing

/// Expectations that must fail do fail: each body records exactly the expected issue.
@Suite struct ExpectCloseTests {
    @Test func acceptsNearValues() {
        expectClose([1.0, 2.1, -3] as [Float], [1, 2, -3], absolute: 0.05, relative: 0.05)
        expectClose([Double.nan, .infinity, 0], [.nan, .infinity, -0.0])
        expectCloseInNorm([3.0, 4.01], [3, 4], relative: 0.003)
    }

    static let farPairs: [(actual: [Double], expected: [Double])] = [
        ([1.0, 2.2], [1.0, 2.0]), ([1.0], [1.0, 2.0]), ([.nan], [1.0]), ([1.0], [.nan]), ([.infinity], [1.0]),
        ([-.infinity], [.infinity]),
    ]

    @Test(arguments: farPairs)
    func rejectsDistantValues(actual: [Double], expected: [Double]) {
        withKnownIssue { expectClose(actual, expected, absolute: 0.05, relative: 0.05) }
        withKnownIssue { expectCloseInNorm(actual, expected, relative: 0.01) }
    }

    @Test func reportsTheWorstElement() {
        withKnownIssue {
            expectClose([0.0, 5, 1, 2], [0, 0, 0, 0], absolute: 0.5, "sum")
        } matching: { issue in
            let text = "sum: 3 of 4 numbers are off, the worst at 1: 5.0, expected 0.0"
            return issue.comments.contains { $0.rawValue.contains(text) }
        }
    }

    @Test func rejectsWrongGradients() {
        let point = [0.5, -1.0, 2.0]
        func function(_ x: [Double]) -> Double { x[0] * x[0] + x[1] * x[2] }
        checkGradients([1.0, 2, -1], at: point, tolerance: 1e-9, of: function)
        withKnownIssue { checkGradients([1.0, 2, 1], at: point, tolerance: 1e-9, of: function) }
    }

    @Test func detectsWritesOutOfBounds() {
        withKnownIssue {
            withTestMemory { memory in
                memory.numbers([1, 2, 3], Float.self)[3] = 0
            }
        }
    }
}
