import Files
import Glibc
import Testing

extension MultiprocessTests {
    /// The traces written by `--profile`.
    @Suite struct ProfileTests {
        /// A complete event of a trace.
        private struct Span {
            let name: String
            let (start, end): (Double, Double)
        }

        /// The spans of a track of a rank's trace, in order of their start; track 1 is that of messages.
        private func spans(_ workshop: Workshop, rank: Int, track: Int = 0, output: String) throws -> [Span] {
            let path = workshop.directory.file("\(output)/trace-rank-\(rank).json")
            let trace = try JSON(parsing: FileSystem.contents(of: path), source: path)
            return try #require(trace.arrayValue).filter {
                $0["ph"]?.stringValue == "X" && $0["tid"]?.integerValue == track
            }.map { event in
                let start = try #require(event["ts"]?.doubleValue)
                #expect(event["pid"]?.integerValue == rank)
                return Span(
                    name: try #require(event["name"]?.stringValue),
                    start: start, end: start + (try #require(event["dur"]?.doubleValue)))
            }
        }

        /// The path of each span: the names of the enclosing spans, outermost first, and its own; nil if two spans
        /// overlap.
        private func paths(_ spans: [Span]) -> [String]? {
            var (open, paths): ([Span], [String]) = ([], [])
            for span in spans {
                // Times are rounded to nanoseconds, and their sum to a Double.
                while let last = open.last, last.end <= span.start + 0.001 { open.removeLast() }
                if let last = open.last, span.end > last.end + 0.001 { return nil }
                open.append(span)
                paths.append(open.map(\.name).joined(separator: "/"))
            }
            return paths
        }

        /// Profiling changes no results, and each rank's trace contains the nested spans of each step.
        @Test(arguments: ["shared_memory", "allreduce"])
        func profilingChangesNoResults(strategy: String) throws {
            let workshop = try Workshop()
            let words = Workshop.training(["averaging.strategy=\(strategy)"], output: "profiled")
            workshop.train("averaging.strategy=\(strategy)", ranks: 2)
            for ranks in [4, 2] {
                let arguments = words + ["--resume", "none", "--profile=9"]
                let outcome = workshop.start(arguments, ranks: ranks).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.output.contains("profile: profiled/trace-rank-0.json, one per rank"))
                #expect(workshop.digest("profiled") == workshop.digest())
            }
            #expect(
                workshop.names("profiled").filter { $0.hasPrefix("trace") } == [
                    "trace-rank-0.json", "trace-rank-1.json",
                ])
            for rank in 0..<2 {
                let found = try #require(paths(try spans(workshop, rank: rank, output: "profiled")))
                let steps = found.filter { !$0.contains("/") }
                #expect(steps == (1...9).map { "step \($0)" })
                // 4 micro-batches per rank.
                for (path, count) in [
                    ("data", 1), ("forward", 4), ("forward/embedding", 4), ("forward/block 1/attention", 4),
                    ("forward/block 0/feed-forward", 4), ("head and loss", 4), ("backward", 4),
                    ("backward/block 1/feed-forward", 4), ("averaging", 1), ("norm", 1),
                ] {
                    #expect(found.filter { $0 == "step 3/\(path)" }.count == count, "\(path)")
                }
                // Once for each range of the rank's shard.
                #expect(found.contains("step 3/update"))
                let averaging = strategy == "allreduce" ? "/bucket 0" : "averaging/sum over window"
                #expect(found.contains { $0.hasPrefix("step 3/") && $0.hasSuffix(averaging) })
                let messages = try spans(workshop, rank: rank, track: 1, output: "profiled").map(\.name)
                #expect(Set(messages) == (strategy == "allreduce" ? ["averaging", "weights"] : []))
                #expect(found.contains("step 5/checkpoint"))
                #expect(found.contains { $0.hasPrefix("step 8/evaluation/block 1/attention") })
            }
        }

        /// If a run has fewer steps than requested, or is killed, the trace is valid up to its end.
        @Test func traceIsAlwaysValid() throws {
            let workshop = try Workshop()
            #expect(workshop.start(Workshop.training() + ["--profile=1000"]).finish().exitCode == 0)
            #expect(try spans(workshop, rank: 0, output: "run").filter { $0.name.hasPrefix("step ") }.count == 24)

            let sets = ["training.steps=100000", "schedule.warmup_steps=4"]
            let job = workshop.start(Workshop.training(sets, output: "killed") + ["--profile=10000"])
            #expect(workshop.wait(forStep: 50, output: "killed"))
            job.send(SIGKILL)
            _ = job.finish()
            let found = try spans(workshop, rank: 0, output: "killed")
            #expect(found.filter { $0.name.hasPrefix("step ") }.count >= 30)
            #expect(paths(found) != nil)
        }

        @Test func rejectsInvalidNumberOfProfiledSteps() throws {
            let workshop = try Workshop()
            let outcome = workshop.start(Workshop.training() + ["--profile=0"], ranks: 2).finish()
            expectRefusal(outcome, 64, "--profile: found 0;", "from 1 to 10000")
            #expect(workshop.names("run").isEmpty)
        }
    }
}
