import Collectives
import Failures
import Training

extension Command {
    static let bench = Command(
        name: "bench", summary: "measure the processor, the kernels, the averaging or a whole step",
        positions: ["gemm|kernels|average|step"],
        options: [
            .one("config", "FILE", "the model and batch to measure; without it, the built-in quickstart"),
            .repeated("set", "KEY.PATH=VALUE", "a key of the configuration, over the file's value"),
            .one("steps", "N", "how often to repeat (default 10)"),
            .flag("json", "print one JSON object"),
            .flag("interactive", "one step for each line on standard input, for paired comparisons"),
        ],
        example: "mpirun -np 2 dtrain bench step --config configs/nano.yaml"
    ) { arguments, session in
        throw AgreedFailure(arguments.usage("not here yet."))
    }
}
