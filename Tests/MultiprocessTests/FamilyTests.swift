import Files
import Glibc
import TestSupport
import Testing

extension Workshop {
    /// A workshop with the dataset of `family`.
    convenience init(_ family: FamilyCase) throws {
        try self.init(text: nil)
        for (name, bytes) in family.files { try File(directory.file(name), .create).write(bytes) }
        let words = ["prepare"] + family.preparation + ["--validation-fraction", "0.2", "--output", "data"]
        let prepared = start(words).finish()
        try #require(prepared.exitCode == 0, "\(prepared.errors)")
    }

    /// Trains the model of `family` to the end, and expects success.
    @discardableResult
    func train(
        _ family: FamilyCase, _ sets: [String], ranks: Int? = nil, output: String = "run",
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Job.Outcome {
        let outcome = start(Workshop.training(family.sets + sets, output: output), ranks: ranks).finish()
        #expect(outcome.exitCode == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.messages.isEmpty && outcome.leftBehind.isEmpty, sourceLocation: sourceLocation)
        return outcome
    }
}

extension MultiprocessTests {
    /// Guarantees about runs hold for every family, objective and kind of data.
    @Suite struct FamilyTests {
        private static let short = ["training.steps=6", "training.evaluate_every=3"]

        /// The digest and the evaluation do not depend on the number of ranks or the averaging strategy.
        @Test(arguments: FamilyCase.all, ["float32", "float16"])
        func digestAndEvaluationDoNotDependOnRanks(family: FamilyCase, precision: String) throws {
            let workshop = try Workshop(family)
            let sets = FamilyTests.short + ["precision=\(precision)"]
            workshop.train(family, sets)
            let (digest, losses) = (workshop.digest(step: 6), try workshop.losses())
            #expect(Set(losses.map(\.bits)).count == 6)
            // Each strategy is tested with one precision and number of ranks; `RankTests` has all with a decoder.
            let (ranks, strategy) = precision == "float32" ? (2, "allreduce") : (4, "shared_memory")
            workshop.train(family, sets + ["averaging.strategy=\(strategy)"], ranks: ranks, output: strategy)
            #expect(workshop.digest(strategy, step: 6) == digest)
            #expect(try workshop.losses(strategy) == losses)

            let evaluations = [nil, precision == "float32" ? 3 : 2].map { ranks in
                workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(6), ranks: ranks)
            }
            for evaluation in evaluations {
                #expect(evaluation.exitCode == 0 && evaluation.output == evaluations[0].output, "\(evaluation.errors)")
            }
            // The trainer computed the last validation scores with the same weights, in the run's precision.
            let logged = try workshop.metrics().compactMap { $0["validation_loss"]?.doubleValue }
            #expect(logged.count == 2)
            if precision == "float32" {
                let words = evaluations[0].output.split { $0 == " " || $0 == "," || $0 == "\n" }
                #expect(words.contains { abs((Double($0) ?? .infinity) - logged[1]) < 1e-4 }, "\(words), \(logged)")
                // The JSON output has every metric of the log under the same name, bit for bit.
                let object = try JSON(
                    parsing: Array(workshop.dtrain("evaluate", "--checkpoint", "run", "--json").output.utf8),
                    source: "evaluate")
                let line = try #require(try workshop.metrics().last { $0["validation_loss"] != nil })
                for member in line.objectValue ?? []
                where member.name.hasPrefix("validation_") && member.name != "validation_seconds" {
                    #expect(object[member.name] == member.value, "\(member.name)")
                }
                #expect(object["step"]?.integerValue == 6 && (object["targets"]?.integerValue ?? 0) > 0)
            }
        }

        /// A run in which a rank is killed resumes from its last checkpoint with another number of ranks, with
        /// identical results.
        @Test(arguments: FamilyCase.all)
        func killedRunResumesIdentically(family: FamilyCase) throws {
            let longer = ["training.steps=60", "training.checkpoint_every=4", "precision=float16"]
            let workshop = try Workshop(family)
            workshop.train(family, longer, output: "whole")
            let job = workshop.start(Workshop.training(family.sets + longer), ranks: 2)
            try #require(workshop.wait(forStep: 10))
            kill(try #require(job.process(ofRank: 1)), SIGKILL)
            #expect(job.finish().exitCode == 137)
            let resumed = workshop.train(family, longer, ranks: 1)
            #expect(resumed.output.contains("resumed from run/checkpoints/step-000000"), "\(resumed.output)")
            #expect(workshop.digest(step: 60) == workshop.digest("whole", step: 60))
            #expect(try workshop.losses() == workshop.losses("whole"))
        }

        /// All memory is allocated before the first steps.
        @Test(arguments: FamilyCase.all)
        func memoryDoesNotGrow(family: FamilyCase) throws {
            let workshop = try Workshop(family)
            let peaks = [20, 120].map { steps in
                workshop.train(
                    family, ["training.steps=\(steps)", "training.checkpoint_every=200"], output: "run-\(steps)"
                ).peakResidentBytes
            }
            #expect(peaks[1] - peaks[0] < 1 << 20, "\(peaks)")
        }

        /// A dataset of another kind is rejected, and so are records that are too long.
        @Test func rejectsUnsuitableData() throws {
            let pairs = try #require(FamilyCase.all.first { $0.data == .parallel })
            let workshop = try Workshop(pairs)
            expectRefusal(
                workshop.start(Workshop.training(["model.family=encoder"]), ranks: 2).finish(), 64,
                "data is a dataset of kind parallel", "needs one of kind text", "dtrain prepare --text FILE")
            expectRefusal(
                workshop.start(Workshop.training(pairs.sets + ["data.truncate=false"]), ranks: 2).finish(), 65,
                "data (train), record ", "data.context_length 32 allows at most 31.", "set data.truncate to true")
            #expect(workshop.names("run").isEmpty)
        }
    }
}
