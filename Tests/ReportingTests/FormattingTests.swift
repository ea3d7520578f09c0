import Failures
import Testing

@testable import Reporting

struct FormattingTests {
    /// Names that differ in one number are combined.
    @Test func shortListCombinesNames() {
        #expect(shortList(["token.weight"]) == "token.weight")
        #expect(shortList(["b.0.w", "b.0.c", "b.1.w", "b.2.w", "b.2.c"]) == "b.{0-2}.w, b.{0,2}.c")
        #expect(shortList(["b.7.w", "e.w", "b.7.c"]) == "b.7.w, e.w, b.7.c")
        #expect(shortList(["b.3.w", "b.1.w"]) == "b.{3,1}.w")
    }

    @Test(
        arguments: [
            (0, 2, "0.00"), (1.005, 2, "1.00"), (1.995, 1, "2.0"), (-0.04, 1, "0.0"), (-0.06, 1, "-0.1"),
            (12.5, 0, "13"),
            (3.07, 4, "3.0700"), (1e15, 2, "1000000000000000.0"), (.infinity, 2, "inf"), (-.infinity, 2, "-inf"),
            (.nan, 2, "nan"),
            (4_294_967_296, 0, "4294967296"),
        ] as [(Double, Int, String)])
    func formatsFixedDecimals(value: Double, decimals: Int, text: String) { #expect(fixed(value, decimals) == text) }

    @Test(
        arguments: [
            (0.0012, "1.20e-03"), (1, "1.00e+00"), (9.999, "1.00e+01"), (0.00099999, "1.00e-03"), (-250, "-2.50e+02"),
            (0, "0.00"), (1e-12, "1.00e-12"), (.nan, "nan"), (-9.999, "-1.00e+01"),
            (1e-3, "1.00e-03"),
        ] as [(Double, String)])
    func formatsScientificDigits(value: Double, text: String) { #expect(scientific(value) == text) }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1 000"), (-10_844_928, "-10 844 928"), (100_000, "100 000")])
    func formatsGroupsOfThree(value: Int, text: String) { #expect(grouped(value) == text) }

    @Test func formatsCounts() {
        #expect(counted(1, "class", "es") == "1 class" && counted(0, "class", "es") == "0 classes")
        #expect(counted(2000, "step") == "2 000 steps" && counted(1, "step") == "1 step")
    }

    @Test(
        arguments: [
            (0, "0:00"), (41.6, "0:42"), (59.9, "1:00"), (725, "12:05"), (11_099, "3:04:59"), (.infinity, "?"),
            (-1, "?"),
        ] as [(Double, String)])
    func formatsClockTimes(seconds: Double, text: String) { #expect(clockTime(seconds) == text) }
}
