import Files
import Glibc
@testable import Inference
import Metrics
import TestSupport
import Testing

@testable import Reports

@Suite(.enabled(if: Browser.isInstalled, "needs DTRAIN_BROWSER=yes and Debian's chromium and chromium-driver"))
struct BrowserTests {
    /// The page of a run and of hostile texts opens without an error, draws its curves, tells numbers under the
    /// pointer, zooms, and is not wider than the window.
    @Test(arguments: [(400, true), (1600, false)]) func pageWorks(width: Int, isPhone: Bool) throws {
        let fixture = try RunFixture("a<b>\"'</script>".filter { $0 != "/" }, steps: 300)
        var findings = ModelFindings(checkpoint: "c", step: 7, digest: "d")
        let name = RunFixture.hostile
        var matrix = ConfusionMatrix(classCount: 2)
        matrix.add(target: 0, prediction: 1)
        findings.classes = ([name, String(repeating: "x", count: 1 << 20)], matrix)
        findings.examples = [
            Example(
                record: 3, input: String(repeating: "y", count: 1 << 20), reference: .text(name),
                prediction: .text(name),
                quality: 0.125, probability: 0.875)
        ]
        findings.insights = .hostile
        let page = ReportPage(ReportContents([try fixture.history()], findings: findings)).html()
        let path = try fixture.directory.file("page.html", holding: Array(page.utf8))
        let browser = try Browser(width: width, isPhone: isPhone)
        browser.open("file://\(path)")
        #expect(browser.console() == [])
        #expect(browser.value("return document.title").stringValue?.contains("broken") == false)
        #expect(browser.value("return document.querySelectorAll('#charts figure').length").integerValue == 5)
        #expect(browser.value("return document.querySelectorAll('path.curve').length").integerValue ?? 0 >= 6)
        #expect(browser.value("return document.scripts.length").integerValue == 4)
        let wide = browser.value("return document.documentElement.scrollWidth - window.innerWidth").integerValue
        #expect(wide ?? 99 <= 0)

        _ = browser.value("document.querySelector('#charts svg').scrollIntoView({block: 'center'}); return 1")
        let corner = browser.value(
            "const r = document.querySelector('#charts svg').getBoundingClientRect(); return [r.left, r.top, r.width].map(Math.round)"
        )
        let numbers = corner.arrayValue?.compactMap(\.integerValue) ?? []
        try #require(numbers.count == 3)
        let (left, top, across) = (numbers[0], numbers[1], numbers[2])
        let middle = (x: left + across / 2, y: top + 100)
        if isPhone { browser.point(middle, (middle.x + 1, middle.y)) } else { browser.point(middle) }
        let tip =
            browser.value("return document.querySelector('.tip:not([hidden])')?.innerText ?? ''").stringValue ?? ""
        let lines = tip.split(separator: "\n")
        #expect(lines.count == 3, "\(tip)")
        let step = lines.first.flatMap { Int($0.dropFirst("step ".count)) } ?? 0
        #expect(100...200 ~= step, "\(tip)")
        let told = lines.dropFirst().first.flatMap { Double($0.dropFirst("training ".count)) } ?? 0
        #expect(abs(told - (4 / Double(step) + 1)) < 1e-3, "\(tip)")

        browser.point(
            (left + across / 2, top + 100), (left + across / 2 + 40, top + 100), (left + across - 20, top + 100))
        let isZoomed = browser.value("return range !== null && range[0] > 100 && !charts[3].reset.hidden")
        #expect(isZoomed.booleanValue == true)
        try checkModel(browser, isPhone: isPhone)
        #expect(browser.console() == [])
        if let directory = getenv("DTRAIN_PICTURES").map({ String(cString: $0) }) {
            try browser.takePicture("\(directory)/report-\(width).png")
        }
    }

    /// The maps of attention and the cloud of vectors are drawn, change with their menus, and tell what is under the
    /// pointer.
    private func checkModel(_ browser: Browser, isPhone: Bool) throws {
        #expect(browser.value("return document.querySelectorAll('svg.map').length").integerValue == 2)
        // The mean over layers and heads has three cells that are not 0; the first head of the first layer is one of
        // them.
        let choose = """
            const selects = maps[1].selects.querySelectorAll('select');
            const count = () => maps[1].figure.querySelectorAll('svg.map rect:not(.frame)').length;
            const before = count();
            for (const select of selects) { select.value = 1; select.onchange(); }
            return [before, count(), Math.round(maps[1].values()[2] * 100), maps[1].part.title.includes('Cross') ? 1 : 0];
            """
        #expect(browser.value(choose).arrayValue?.compactMap(\.integerValue) == [3, 3, 25, 1])
        let dots = "return document.querySelectorAll('circle.dot').length"
        #expect(browser.value(dots).integerValue == 60)
        let turn = """
            const select = cloud.figure.querySelector('select'), before = cloud.dots.map(dot => dot.x).join();
            select.value = 1; select.onchange();
            cloud.figure.scrollIntoView({block: 'center'});
            return select.options.length === 3 && cloud.view.shown === 3 && cloud.dots.map(dot => dot.x).join() !== before;
            """
        #expect(browser.value(turn).booleanValue == true)
        // Fingers may have zoomed the page by now.
        if isPhone { return }
        let dot =
            browser.value(
                "const r = cloud.svg.getBoundingClientRect(); return [r.left + cloud.dots[5].x, r.top + cloud.dots[5].y].map(Math.round)"
            ).arrayValue?.compactMap(\.integerValue) ?? []
        try #require(dot.count == 2)
        browser.point((dot[0], dot[1]))
        #expect(browser.value("return cloud.tip.hidden").booleanValue == false)
        #expect(browser.value("return document.title").stringValue?.contains("broken") == false)
    }
}
