import Files
import Testing

extension MultiprocessTests {
    /// `score` needs only one process; under `mpirun` it prints the same result once.
    @Suite struct ScoreTests {
        @Test(arguments: [nil, 2]) func scoresArePrintedOnce(ranks: Int?) throws {
            let workshop = try Workshop(text: nil)
            for (name, text) in [
                ("a", "The cat sat on the mat.\nÉté 1,5\n"), ("b", "The cat sat.\nÉté 1,5\n"), ("c", "x\n"),
            ] {
                try FileSystem.replaceContents(of: workshop.directory.file(name), with: text)
            }
            let outcome = workshop.dtrain("score", "--hypotheses", "a", "--references", "b", ranks: ranks)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.split(separator: "\n").count == 1, "\(outcome.output)")
            #expect(outcome.output.hasPrefix("BLEU "), "\(outcome.output)")
            expectRefusal(
                workshop.dtrain("score", "--hypotheses", "a", "--references", "c", ranks: ranks), 65,
                "a and c differ in length: 2 and 1 lines.")
        }
    }
}
