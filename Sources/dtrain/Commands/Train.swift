import Failures
import Inspection
import Resources
import Settings
import Texts
import Training

extension Command {
    static let train = Command(
        name: "train", summary: "train a model (default command; without options: the quickstart)",
        options: [
            .one("config", .file, "configuration file (default: the built-in quickstart)"),
            .settings,
            .one(
                "resume", ValueKind("auto|none|DIR", words: ["auto", "none"], .directories),
                "auto (default): resume; none: start from scratch; DIR: resume from a checkpoint or run"),
            .one("output", .directory, "run directory (overrides run.directory)"),
            .one(
                "show", ValueKind("KEY.PATH", words: ["parameters"], .keys),
                "print a key, such as run.directory, or the model's parameters, and exit"
            ),
            .optional("profile", "N", "write a Perfetto trace RUN/trace-rank-R.json of the first N steps (default 20)"),
        ],
        needsAllRanks: true, endsOnRequest: true,
        example: "mpirun -np 4 dtrain --config configs/nano.yaml --set training.steps=500 --output runs/try"
    ) { arguments, session in
        let (configuration, warnings, profiledSteps) = try session.communicator.together { () throws(Failure) in
            let (configuration, warnings) = try Configuration.loadRun(
                file: arguments.value("config"), sets: arguments.list("set"), directory: arguments.value("output"),
                continues: arguments.value("resume") != "none")
            let profiled = arguments.has("profile") ? 20 : 0
            return (configuration, warnings, try arguments.integer("profile", in: 1...10_000, default: profiled))
        }
        if arguments.value("show") == "parameters" {
            let table = try session.communicator.together { () throws(Failure) in
                try ParameterTable(configuration)
            }
            session.console.say(table.text)
            return .finished
        }
        if let path = arguments.value("show") {
            let value = try session.communicator.together { () throws(Failure) in try configuration.value(of: path) }
            // For scripts: paths are printed as their original bytes.
            session.console.write(PathText.bytes(of: value + "\n"))
            return .finished
        }
        // The result of the command is the checkpoint, so its output is optional.
        session.console.makeOptional()
        for warning in warnings { session.console.warn(warning) }
        try ComputeThreads.start(configuration.threads, session.communicator, session.console)
        try configuration.products.settle(configuration.precision.format, session.communicator, session.console)
        let resumption: Resumption =
            switch arguments.value("resume") {
            case nil, "auto": .automatic
            case "none": .none
            case let directory?: .directory(directory)
            }
        try Quickstart.prepareData(for: configuration, session)
        let trainer = Trainer(
            configuration, resumption, session.communicator, session.console, profiledSteps: profiledSteps)
        return try trainer.run() == .finished ? .finished : .stopped
    }
}
