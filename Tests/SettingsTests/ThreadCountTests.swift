import Testing

@testable import Settings

@Suite struct ThreadCountTests {
    @Test func isRecordedAndChangesNoResults() throws {
        let automatic = try Configuration.parse("{}", name: "c.yaml")
        let three = try Configuration.parse("threads: 3", name: "c.yaml")
        #expect(automatic.threads == .automatic && three.threads == .fixed(3))
        #expect(automatic.resolvedYAML.contains("\nthreads: auto\n") && three.resolvedYAML.contains("\nthreads: 3\n"))
        #expect(try Configuration.parse(three.resolvedYAML, name: "again") == three)
        #expect(three.trajectoryDifferences(from: automatic).isEmpty)
        #expect(three.differences(from: automatic).map(\.key) == ["threads"])
    }
}
