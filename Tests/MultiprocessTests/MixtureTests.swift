import Files
import Glibc
import TestSupport
import Testing

extension MultiprocessTests {
    /// Conversations of three datasets, mixed.
    @Suite struct MixtureTests {
        private func workshop() throws -> Workshop {
            let workshop = try Workshop(text: nil)
            let lines = FamilyCase.chat.files[0].bytes.split(separator: 0x0A)
            // Of different sizes, so that the epochs of the parts end at different steps.
            for (name, part) in [("a", lines[..<12]), ("b", lines[12..<36]), ("c", lines[36...])] {
                let path = workshop.directory.file("\(name).jsonl")
                try File(path, .create).write(Array(part.joined(separator: [0x0A])) + [0x0A])
                let prepared = workshop.dtrain(
                    "prepare", "--chat", "\(name).jsonl", "--tokenizer", "byte", "--validation-fraction", "0.2",
                    "--output",
                    "data-\(name)")
                try #require(prepared.exitCode == 0, "\(prepared.errors)")
            }
            return workshop
        }

        private static let mixture =
            "data.mixture=[{directory: data-a, weight: 5}, {directory: data-b, weight: 3}, {directory: data-c, weight: 2}]"

        /// Every number of ranks gives the same digest and losses, also after a kill in the middle of an epoch.
        @Test func digestDoesNotDependOnRanksAndKills() throws {
            let workshop = try workshop()
            let family = FamilyCase.chat
            for (name, text) in [
                ("q", (0..<10).map { #"{"prompt": "\#($0)", "choices": ["yes", "not at all"], "answer": 0}"# }),
                ("r", [#"{"prompt": "two", "answer": ["deux", "e"]}"#]), ("s", [#"{"prompt": "two", "answer": 2}"#]),
            ] {
                let path = workshop.directory.file("\(name).jsonl")
                try FileSystem.replaceContents(of: path, with: text.joined(separator: "\n"))
            }
            let sets = [
                MixtureTests.mixture, "training.steps=24", "training.evaluate_every=12", "training.checkpoint_every=4",
                "training.tasks=[q.jsonl, r.jsonl]", "training.metric=validation_choice_accuracy",
            ]
            workshop.train(family, sets, output: "whole")
            let (digest, losses) = (workshop.digest("whole", step: 24), try workshop.losses("whole"))
            workshop.train(family, sets, ranks: 4, output: "four")
            #expect(workshop.digest("four", step: 24) == digest)
            #expect(try workshop.losses("four") == losses)
            let job = workshop.start(Workshop.training(family.sets + sets + ["training.steps=24"]), ranks: 2)
            try #require(workshop.wait(forStep: 6))
            kill(try #require(job.process(ofRank: 1)), SIGKILL)
            #expect(job.finish().exitCode == 137)
            workshop.train(family, sets, ranks: 2)
            #expect(workshop.digest(step: 24) == digest)
            #expect(try workshop.losses() == losses)
            let evaluated = try #require(try workshop.metrics().last { $0["validation_loss"] != nil })
            let parts = ["a", "b", "c"].compactMap { evaluated["validation_loss_data-\($0)"]?.doubleValue }
            let whole = try #require(evaluated["validation_loss"]?.doubleValue)
            #expect(parts.count == 3 && parts.min()! < whole && whole < parts.max()!)
            // The questions have the scores that the last checkpoint has.
            let four = try #require(try workshop.metrics("four").last { $0["validation_loss"] != nil })
            for (task, metric) in [("q", "choice_accuracy"), ("r", "token_f1")] {
                let answered = workshop.dtrain(
                    "evaluate", "--checkpoint", Workshop.checkpoint(24), "--task", "\(task).jsonl", "--json", ranks: 2)
                let scores = try JSON(parsing: Array(answered.output.utf8), source: "output")
                for name in ["", "_\(task)"] {
                    #expect(evaluated["validation_\(metric)\(name)"] == scores[metric], "\(evaluated) \(scores)")
                    #expect(four["validation_\(metric)\(name)"] == scores[metric])
                }
            }
            expectRefusal(
                workshop.start(Workshop.training(family.sets + sets + ["training.tasks=s.jsonl"], output: "x"))
                    .finish(),
                65, "s.jsonl: line 1: \"answer\" is 2.")
            expectRefusal(
                workshop.start(Workshop.training(family.sets + sets + ["training.tasks=r.jsonl"], output: "x"))
                    .finish(),
                64, "training.metric: found validation_choice_accuracy; allowed for the questions of training.tasks: ")
            let text = workshop.dtrain(
                "prepare", "--chat", "a.jsonl", "--tokenizer", "bytebpe:300", "--output", "data-other")
            try #require(text.exitCode == 0, "\(text.errors)")
            let other = ["data.mixture=[{directory: data-a}, {directory: data-other}]"]
            expectRefusal(
                workshop.start(Workshop.training(family.sets + other, output: "x"), ranks: 2).finish(), 64,
                "data.mixture: data-other has another tokenizer than data-a")
        }
    }
}
