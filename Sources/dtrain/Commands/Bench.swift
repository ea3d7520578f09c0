import Collectives
import Failures
import Files
import Glibc
import Measuring
import Resources
import Settings

extension Command {
    static let bench = Command(
        name: "bench",
        summary: "benchmark GEMMs, kernels, synchronization, steps or generation",
        positions: [.choice(of: BenchPart.self)],
        options: [
            .one("config", .file, "configuration with the model and batch (default: the built-in quickstart)"),
            .settings,
            .one("repeat", "N", "number of repetitions (default 10)"),
            .flag("json", "print one JSON object"),
            .flag("interactive", "step: run one step per line \"step\" on standard input, for paired measurements"),
        ],
        needsAllRanks: true,
        example: "mpirun -np 2 dtrain bench step --config configs/nano.yaml"
    ) { arguments, session in
        let (part, configuration, repetitions): (BenchPart, Configuration, Int) = try session.communicator.together {
            () throws(Failure) in
            (
                try arguments.choice(at: 0),
                try Configuration.load(file: arguments.value("config"), sets: arguments.list("set")),
                try arguments.integer("repeat", in: 1...1_000_000, default: 10)
            )
        }
        try ComputeThreads.start(
            configuration.threads, session.communicator, session.console, sharesCores: arguments.has("interactive"))
        try configuration.products.settle(configuration.precision.format, session.communicator, session.console)
        let subject = try BenchSubject(configuration, session.communicator)
        let result: Measurement
        switch part {
        case .gemm: result = try ProductBench(subject).run(repetitions: repetitions)
        case .kernels: result = KernelBench(subject).run(repetitions: repetitions)
        case .generation:
            result = try session.communicator.together { () throws(Failure) in
                try GenerationBench(subject).run(repetitions: repetitions)
            }
        case .average:
            result = try AveragingBench(subject, session.communicator).run(repetitions: repetitions)
        case .step:
            let bench = try StepBench(subject, session.communicator)
            if arguments.has("interactive") { return try serve(bench, subject, session) }
            try bench.step()
            if session.communicator.nodes.count > 1 {
                try bench.steps(repetitions)
                try bench.repeatProducts()
            } else {
                for index in 1...repetitions {
                    try bench.step()
                    // Interleaved with the steps, because the clock frequency varies.
                    if index <= 3 { try bench.repeatProducts() }
                }
            }
            result = try bench.result()
        }
        session.console.say(
            arguments.has("json") ? object(result, subject).printedLine : "\(subject.note)\n\n\(result.text)")
        return .finished
    }
}

/// What `bench` measures.
private enum BenchPart: String, CaseIterable {
    case gemm
    case kernels
    case average
    case step
    case generation
}

/// The results of a benchmark and its subject as one JSON object.
private func object(_ result: Measurement, _ subject: BenchSubject) -> JSON {
    .object((result.json.objectValue ?? []) + subject.members)
}

/// Executes one step for each line on rank 0's standard input and answers with a line of JSON; prints the summary at
/// the end of the input.
private func serve(_ bench: StepBench, _ subject: BenchSubject, _ session: Session) throws -> ExitCode {
    while try hasNextLine(session.communicator) {
        let seconds = try bench.step()
        let answer: JSON = ["seconds": .number(seconds), "tokens": .integer(bench.tokens)]
        session.console.say(answer.printedLine)
    }
    session.console.say(object(try bench.result(), subject).printedLine)
    return .finished
}

/// Waits for a line on rank 0. The other ranks sleep while rank 0 waits, because the program that is measured between
/// two steps needs their cores.
private func hasNextLine(_ communicator: any Communicator) throws -> Bool {
    let flags = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 2)
    defer { flags.deallocate() }
    flags[0] = communicator.rank == 0 && readLine() != nil ? 1 : 0
    var pending = try communicator.startAllreduce(
        UnsafeBufferPointer(rebasing: flags[..<1]), into: UnsafeMutableBufferPointer(rebasing: flags[1...]), .maximum)
    while try !pending.test() { usleep(500) }
    return flags[1] != 0
}
