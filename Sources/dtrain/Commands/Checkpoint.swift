import Checkpoints
import Failures
import Training

extension Command {
    static let checkpoint = Command(
        name: "checkpoint", summary: "list the checkpoints of a run, verify one, or print its digest",
        positions: ["list|verify|digest", "RUN|DIR"],
        example: "dtrain checkpoint digest runs/quickstart/checkpoints/step-00000100"
    ) { arguments, session in
        let (action, path) = (arguments.positions[0], arguments.positions[1])
        let lines = try session.communicator.onFirstRank { () throws(Failure) in
            switch action {
            case "list": return try list(RunDirectory(path))
            case "verify":
                let checkpoint = try Checkpoint.open(path)
                try checkpoint.verify { done, total in
                    session.console.draw("verifying: \(100 * done / max(total, 1)) %")
                }
                return "\(path): valid, step \(checkpoint.step), digest \(checkpoint.digest)"
            case "digest": return try Checkpoint.open(path).verify()
            default: throw arguments.usage("found \(action); allowed: list, verify, digest.")
            }
        }
        session.console.say(lines)
        return .finished
    }
}

private func list(_ run: RunDirectory) throws(Failure) -> String {
    let listings = try Checkpoint.list(run)
    guard !listings.isEmpty else {
        throw Failure(
            .badData, "\(run.path): holds no checkpoints. A run directory is wanted, such as runs/quickstart.")
    }
    return listings.map { listing in
        switch listing.result {
        case .success(let checkpoint):
            let loss = checkpoint.state.validationLoss.map { "validation loss \(fixed($0, 4))" } ?? "not evaluated"
            return "\(checkpoint.directory)  step \(checkpoint.step)  \(loss)"
        case .failure(let failure): return "\(run.checkpoints)/\(listing.name)  damaged: \(failure.message)"
        }
    }.joined(separator: "\n")
}
