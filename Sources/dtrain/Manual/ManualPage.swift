import Checkpoints
import Failures
import Products
import Settings
import Watching

/// The manual page of the program.
enum ManualPage {
    /// The page in roff, with `commands` and their options.
    static func text(_ commands: [Command]) -> String {
        var page = Roff(name: "DTRAIN", version: programVersion)
        page.section("NAME")
        page.paragraph("dtrain - \(Help.purpose)")
        page.section("SYNOPSIS")
        page.synopsis(Help.synopsis)
        page.section("DESCRIPTION")
        for text in description { page.paragraph(text) }
        page.section("COMMANDS")
        for command in commands { add(command, to: &page) }
        page.section("EXIT STATUS")
        for code in ExitCode.allCases { page.item("\(code.rawValue)", code.meaning) }
        page.section("SIGNALS")
        for (signals, effect) in signals(commands) { page.item(signals, effect) }
        page.section("FILES")
        for (path, contents) in files { page.item(path, contents) }
        page.section("ENVIRONMENT")
        for (name, effect) in environment { page.item(name, effect) }
        page.section("EXAMPLES")
        for (text, lines) in examples {
            page.paragraph(text)
            for line in lines { page.example(line) }
        }
        return page.text
    }

    private static func add(_ command: Command, to page: inout Roff) {
        page.subsection(Help.usage(command))
        page.paragraph(command.summary)
        for option in command.options {
            let name = "--\(option.name)"
            page.item(name, value: String(option.usage.dropFirst(name.count)), option.help)
        }
        page.paragraph("Example:")
        page.example(command.example)
    }

    private static let description = [
        "dtrain trains Transformers on CPUs with data parallelism, one process per MPI rank. The same command resumes a run "
            + "that was stopped or killed from its newest valid checkpoint, even with a different number of ranks; the "
            + "results are bit-identical if batch.slots divided by the number of ranks is a power of two in both cases.",
        "Options follow the command. A value follows its option as the next word or after an equals sign. "
            + "dtrain help COMMAND prints the options of a command, dtrain --version the version.",
        "The configuration of a run is a YAML or JSON file; --set overrides its keys. Without a file, the built-in "
            + "quickstart is used.",
    ]

    private static func signals(_ commands: [Command]) -> [(String, String)] {
        let names = commands.filter(\.endsOnRequest).map(\.name).joined(separator: ", ")
        return [
            (
                "SIGINT, SIGTERM, SIGUSR1",
                "ask \(names) to stop: train finishes the current step and the next one and saves a checkpoint. The exit "
                    + "code is \(ExitCode.stopped.rawValue), and the same command can be repeated. A second SIGINT kills. "
                    + "Other commands end immediately."
            ),
            (
                "SIGUSR1 to mpirun",
                "is passed on to all ranks. SIGINT and SIGTERM to mpirun instead kill the ranks after about two seconds."
            ),
            ("SIGUSR2", "prints the stack of a rank that trains, for the analysis of a hang."),
        ]
    }

    private static let files: [(String, String)] = {
        let run = RunDirectory("RUN")
        return [
            (run.configuration, "the resolved configuration with every default"),
            (run.metrics, "one JSON object per step and per evaluation"),
            ("\(run.checkpoints)/step-00000400", "a checkpoint"),
            (run.best, "path of the best checkpoint, relative to the run directory"),
            (run.outcome, "how the run ended"),
            (run.lockFile, "host and process ID of the run that owns the directory"),
            (run.trace(rank: 0), "trace of --profile in the Chrome trace format"),
        ]
    }()

    private static let environment = [
        (
            KernelLimit.variable,
            "limits the instructions that are used: \(KernelLimit.allCases.map(\.rawValue).joined(separator: ", ")). "
                + "Unset or empty: all that the CPU has."
        ),
        (Fault.variable, "injects faults for tests of the fault tolerance."),
        ("COLUMNS", "columns of the progress line, if the terminal does not report its width."),
    ]

    private static let examples = [
        (
            "Prepare a dataset, train on it with four ranks and generate text:",
            Help.firstSteps + ["dtrain generate --checkpoint runs/book --prompt \"Dear \""]
        ),
        ("Complete commands, options and keys in the current bash:", ["source <(dtrain completions bash)"]),
        ("Install this page for the current user:", ["dtrain manual > ~/.local/share/man/man1/dtrain.1"]),
    ]
}
