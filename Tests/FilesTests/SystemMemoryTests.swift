import Testing

@testable import Files

struct SystemMemoryTests {
    @Test(arguments: [
        ("MemTotal:  1 kB\nMemAvailable:   1234 kB\n", 1234), ("MemAvailable: 7", 7), ("XMemAvailable: 7 kB", nil),
        ("Name:\tx\nMemAvailable:\t    1234 kB\n", 1234), ("MemAvailable: max", nil), ("MemAvailable:", nil), ("", nil),
        ("MemAvailable: -3 kB", nil),
        ("MemAvailable: 99999999999999999999 kB", nil), ("MemAvailable: 9223372036854775807 kB", nil),
    ])
    func parsesFields(text: String, expected: Int?) {
        #expect(SystemMemory.field("MemAvailable:", in: text) == expected)
    }

    @Test func reportsPlausibleMemory() {
        #expect(SystemMemory.availableBytes() > 1 << 20)
        #expect(SystemMemory.availableBytes() < 1 << 50)
    }

    @Test func availableMemoryRespectsProcessLimits() {
        // If less than the reserve for stacks and libraries is left, the result is 0.
        #expect(SystemMemory.remainder(of: 1 << 30, used: 1 << 20) == 0)
        #expect(SystemMemory.remainder(of: 1 << 30, used: 2 << 20) == 0)
        let left = SystemMemory.remainder(of: 1 << 30, used: 1 << 19)
        #expect(left > 0 && left < 1 << 29)
        #expect(SystemMemory.remainder(of: 2 << 30, used: 1 << 19) == left + 1 << 30)
        #expect(SystemMemory.remainder(of: .max, used: 1 << 19) == .max)
        #expect(SystemMemory.availableBytes() <= SystemMemory.hostBytes())
    }
}
