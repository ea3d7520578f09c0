import Files
@testable import Inference
import Metrics
import TestSupport
import Testing

@testable import Reports

struct ReportPageTests {
    /// No text can become markup, whatever it holds and however long it is.
    @Test func textIsNeverMarkup() {
        let hostile = RunFixture.hostile
        let text = HTML.element("td", ["title": hostile], [.foreign(hostile)]).source
        #expect(
            !text.contains("<script") && !text.contains("<b>") && !text.contains("\u{0}") && !text.contains("\u{1B}"))
        #expect(text.contains("␀␇␛[31m") && text.contains("<bdi>"))
        let data = HTML.data("data", [RunFixture.hostile: .string(hostile + "<!--\u{2028}")]).source
        #expect(data.components(separatedBy: "<").count == 3, "\(data)")
        let long = HTML.foreign(String(repeating: "x", count: 1 << 20)).source
        #expect(long.utf8.count < 3000 && long.contains("(1048576 characters)"))
    }

    @Test func pageIsSelfContained() throws {
        let fixture = try RunFixture(RunFixture.hostile.filter { $0 != "/" && $0 != "\0" }, steps: 60)
        let page = ReportPage(ReportContents([try fixture.history()])).html(nonce: "abc")
        #expect(page.contains("default-src 'none'; script-src 'nonce-abc'") || page.contains("&#39;nonce-abc&#39;"))
        #expect(!page.contains("http://") || page.components(separatedBy: "http://").count == 2, "only SVG's namespace")
        #expect(!page.contains("<script>") && !page.contains("<b>"))
        #expect(page.components(separatedBy: "<script").count == 3)
        for part in ["Results", "Timeline", "Where the time went", "step 60", "no outcome: it was killed", "spike"] {
            #expect(page.contains(part), "\(part)")
        }
    }

    /// A million steps make no larger page than some thousands.
    @Test func longRunsMakeSmallPages() throws {
        let fixture = try RunFixture(steps: 12_000)
        let run = try fixture.history()
        let page = ReportPage(ReportContents([run])).html()
        #expect(page.utf8.count < 500_000, "\(page.utf8.count)")
        let chart = try #require(Chart.all(of: [run], limit: 200).first)
        #expect(chart.lines[0].points.count <= 200 && chart.lines[0].points.first?.x == 1)
        #expect(chart.lines[0].points.contains { $0.x == 12_000 })
    }

    /// Spikes remain where points are left out.
    @Test func spikesRemain() throws {
        let fixture = try RunFixture(steps: 1000) { $0 == 617 ? 99 : 1 }
        let run = try fixture.history()
        let chart = try #require(Chart.all(of: [run], limit: 50).first)
        #expect(chart.lines[0].points.contains { $0.x == 617 && $0.y == 99 })
    }

    @Test func predictionsAreShown() throws {
        let fixture = try RunFixture(steps: 10)
        var findings = ModelFindings(checkpoint: "c", step: 7, digest: "d")
        var matrix = ConfusionMatrix(classCount: 2)
        for (target, prediction) in [(0, 0), (0, 1), (1, 1)] { matrix.add(target: target, prediction: prediction) }
        findings.classes = (["<i>", "\u{202E}two"], matrix)
        findings.examples = [
            Example(
                record: 3, input: RunFixture.hostile, reference: .text("<i>"), prediction: .text("two"), quality: 0.125,
                probability: 0.875)
        ]
        let page = ReportPage(ReportContents([try fixture.history()], findings: findings)).html()
        for part in [
            "Classes", "&lt;i&gt;", "0.875", "of the reference: 0.125", "checkpoint of step 7", "--share: 0.500",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(!page.contains("<i>"))
    }

    /// Tokens of a model can be anything, and become text in every section about it.
    @Test func tokensAreNeverMarkup() throws {
        let fixture = try RunFixture(steps: 10)
        var findings = ModelFindings(checkpoint: "c", step: 7, digest: "d")
        findings.insights = .hostile
        let page = ReportPage(ReportContents([try fixture.history()], findings: findings)).html(nonce: "abc")
        #expect(page.components(separatedBy: "<script").count == 5, "two of data, two of code")
        #expect(!page.contains("<b>&amp;amp;") && !page.contains("\u{1B}") && !page.contains("<script>document"))
        for part in [
            "Attention", "Embeddings", "Why it predicts that", "Left out", "class=\"against\" style=\"--share: 0.50\"",
            "probability 0.625", "attribution 1.000; left out: 0.250", "logit lens",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(page.utf8.count < 200_000, "\(page.utf8.count)")
    }

    /// A probability is a letter: 0 is A, 1 is _.
    @Test func mapsAreLetters() throws {
        let data = ModelInsights.hostile.json
        let part = try #require(data["attention"]?.arrayValue?.last?["parts"]?.arrayValue?.last)
        let layers = part["layers"]?.arrayValue?.map { $0.arrayValue?.map { $0.stringValue } }
        #expect(layers == [["_AQv", "_AvQ"], ["_AvQ", "_AQv"]])
        let points = data["projections"]?.arrayValue?.first?["points"]?.arrayValue?.compactMap(\.integerValue) ?? []
        #expect(points.count == 180 && points.map(abs).max() == 1000)
    }
}
