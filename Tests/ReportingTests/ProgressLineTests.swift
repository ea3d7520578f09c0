import Testing

@testable import Reporting

struct ProgressLineTests {
    private let usual = ProgressLine(
        step: 1200, steps: 1200, loss: 1.0476, learningRate: 1e-4, gradientNorm: 2.646, targetsPerSecond: 21_948,
        shareOfPeak: 0.4, secondsLeft: 0)

    private static let extremes: [ProgressLine] = {
        var lines: [ProgressLine] = []
        for (step, steps) in [(1, 1), (1, 1_000_000_000), (999_999_999, 1_000_000_000)] {
            for value in [0, -1e-30, 9.99999, 99_999.9999, -123_456_789, 1e300, .infinity, .nan] as [Double] {
                for (rate, left) in [(0, 0), (0.004, 1e9), (999_999, 359_999), (9.9e14, 1e11), (.infinity, .nan)]
                    as [(Double, Double)]
                {
                    for scale in [nil, 1, 65536, 0x1p60, 1e-10] as [Double?] {
                        var line = ProgressLine(
                            step: step, steps: steps, loss: value, learningRate: abs(value), gradientNorm: value,
                            lossScale: scale, targetsPerSecond: rate, shareOfPeak: value, secondsLeft: left)
                        line.isSmoothed = scale != nil
                        line.targets = step == 1 ? "infilled tokens" : "masked tokens"
                        if scale == 1 { line.gradientNorm = nil }
                        lines.append(line)
                    }
                }
            }
        }
        return lines
    }()

    @Test func formatsUsualValues() {
        #expect(
            usual.text(width: 80)
                == "step 1200/1200  loss 1.0476  lr 1.0e-04  grad_norm 2.65  21.9k tok/s  0:00 left")
        #expect(
            usual.text(width: 200)
                == "step 1200/1200  loss 1.0476  lr 1.0e-04  grad_norm 2.65  21.9k tokens/s  MFU 40 %  0:00 left")
        var smoothed = usual
        smoothed.isSmoothed = true
        #expect(smoothed.text(width: 100).contains("  smoothed loss 1.0476  "))
        #expect(usual.textWithBar(width: 119).hasPrefix("[████████████████████] step 1200/1200  "))
        #expect(usual.textWithBar(width: 99).hasPrefix("[██████████████] step 1200/1200  "))
        #expect(!usual.textWithBar(width: 99).contains("MFU"))
        #expect(!usual.textWithBar(width: 79).contains("█"))
    }

    /// The validation metric, the best so far and the memory are shown where there is room for them and the bar.
    @Test func validationAndMemoryAreShown() {
        var line = usual
        (line.validation, line.residentBytes) = ((1.09, 1.0833), 555_000_000)
        #expect(line.text(width: 80) == usual.text(width: 80))
        #expect(line.text(width: 200).contains("loss 1.0476  val 1.0900, best 1.0833  lr 1.0e-04"))
        #expect(line.text(width: 200).hasSuffix("21.9k tokens/s  555MB  MFU 40 %  0:00 left"))
        #expect(line.textWithBar(width: 140).hasPrefix("[███"))
        #expect(line.textWithBar(width: 140).contains("best 1.0833"))
    }

    /// A unit is shortened only if another fact fits then.
    @Test func longUnitsAreShortened() {
        var line = usual
        line.targets = "masked tokens"
        #expect(line.text(width: 80) == usual.text(width: 80))
        #expect(line.text(width: 200).contains("21.9k masked tokens/s"))
        line.gradientNorm = nil
        #expect(line.text(width: 80) == "step 1200/1200  loss 1.0476  lr 1.0e-04  21.9k tokens/s  MFU 40 %  0:00 left")
        line.shareOfPeak = .nan
        #expect(line.text(width: 80) == "step 1200/1200  loss 1.0476  lr 1.0e-04  21.9k masked tokens/s  0:00 left")
    }

    /// The first step shows the same facts as the last, although its number is shorter.
    @Test func linesOfRunShowSameFacts() {
        var first = usual
        first.step = 1
        #expect(
            first.text(width: 80) == "step 1/1200  loss 1.0476  lr 1.0e-04  grad_norm 2.65  21.9k tok/s  0:00 left")
    }

    /// A line fits the width for all values, and contains the step, the loss and the remaining time.
    @Test func extremeValuesFit() {
        for line in ProgressLineTests.extremes {
            for width in [80, 100, 300] {
                for text in [line.text(width: width), line.textWithBar(width: width)] {
                    #expect(text.count <= width, "\(text)")
                    #expect(text.contains("step \(line.step)/\(line.steps)  "), "\(text)")
                    #expect(text.contains("loss ") && text.hasSuffix(" left"), "\(text)")
                }
            }
        }
    }

    /// In narrow terminals whole items are omitted; the step is kept.
    @Test func omitsItemsInNarrowTerminals() {
        #expect(usual.text(width: 60) == "step 1200/1200  loss 1.0476  21.9k tokens/s  0:00 left")
        #expect(usual.text(width: 45) == "step 1200/1200  loss 1.0476  0:00 left")
        #expect(usual.text(width: 30) == "step 1200/1200  0:00 left")
        #expect(usual.text(width: 5) == "step 1200/1200")
    }

    @Test(
        arguments: [
            (359_999, "99:59:59"), (360_000, "4 d 4 h"), (1e9, "11574 d 1 h"), (0.4, "0:00"), (.nan, "?"),
        ] as [(Double, String)])
    func formatsTimeLeft(seconds: Double, text: String) {
        var line = usual
        line.secondsLeft = seconds
        #expect(line.text(width: 120).hasSuffix("  \(text) left"))
    }

    @Test(
        arguments: [
            (0.004, "0.00"), (0.41, "0.41"), (9.996, "10.0"), (99.96, "100"), (999.6, "1.00k"), (999_999, "1.00M"),
            (21_948, "21.9k"), (3.2e13, "32.0T"),
        ] as [(Double, String)])
    func formatsSpeed(rate: Double, text: String) {
        var line = usual
        line.targetsPerSecond = rate
        #expect(line.text(width: 120).contains("  \(text) tokens/s"))
    }
}
