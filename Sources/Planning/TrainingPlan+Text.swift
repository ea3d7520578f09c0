import Failures
import Files
import Models
import Reporting
import Resources
import Texts

extension TrainingPlan {
    /// The plan as text.
    package var text: String {
        [heading, parameters, memoryTable, step, run, disk].filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private var heading: String {
        let model = configuration.model
        let layers =
            model.family.architecture.hasEncoder
            ? "\(model.layers) + \(model.targetLayers) layers" : counted(model.layers, "layer")
        return "\(model.family.rawValue), \(layers), width \(model.width), context \(sizes.contextLength), "
            + "\(configuration.precision.rawValue), \(counted(ranks, "rank")) on this host\n\(subject)"
    }

    private var parameters: String {
        let parts = ModelPart.sums(layout.parameters.map { ($0.name, $0.count) })
        let total = layout.parameterCount
        return aligned(
            [["parameters", "", "share"]]
                + parts.map { [$0.part.rawValue, grouped($0.count), percent(Double($0.count) / Double(total), 1)] }
                + [["all", grouped(total), ""]])
    }

    private var memoryTable: String {
        func megabytes(_ bytes: Double) -> String { grouped(Int((bytes * 1e-6).rounded())) }
        let rows = memory.parts.map { [$0.name, megabytes($0.bytes), megabytes($0.bytes / Double(ranks))] }
        var lines = [
            aligned(
                [["memory", "MB", "MB per rank"]] + rows
                    + [["all", megabytes(memory.bytes), megabytes(memory.bytes / Double(ranks))]])
        ]
        if probe == nil { lines.append("at least; the program and scratch space of kernels are not included") }
        let verdict = fits ? "fits" : "does not fit"
        lines.append("\(verdict): \(megabytes(Double(availableBytes))) MB are available on this host")
        if recomputation != .none { lines.append("training.recompute: \(recomputation)") }
        // What would help is of interest if there is little room.
        if memory.bytes > 0.8 * Double(availableBytes) {
            let list = remedies.map { "\($0.change): \(megabytes($0.bytes)) MB" }
            if !list.isEmpty { lines.append("less memory: " + list.joined(separator: "; ")) }
            if ranks > 1 { lines.append("or start fewer ranks per host") }
        }
        return lines.joined(separator: "\n")
    }

    /// Whether the memory suffices.
    var fits: Bool { memory.bytes <= Double(availableBytes) }

    private var step: String {
        let positions = configuration.batch.sequences * sizes.contextLength
        var lines = [
            "a step: \(configuration.batch.sequences) sequences, \(grouped(positions)) positions, "
                + "\(fixed(flopsPerStep * 1e-9, 1)) GFLOP"
        ]
        guard let seconds = stepSeconds, let probe else { return lines[0] + "; its time is \(unmeasured ?? "unknown")" }
        lines.append(
            "  \(fixed(seconds, seconds < 0.1 ? 4 : 2)) seconds, \(grouped(Int(Double(positions) / seconds))) positions/s, "
                + "\(fixed(flopsPerStep / seconds * 1e-9, 1)) GFLOP/s")
        lines.append("  \(probe.description)")
        if probe.processorShare < 0.9 {
            lines.append(
                "  Other programs were running: the job had \(percent(probe.processorShare, 0)) of its cores. With all of them a "
                    + "step takes about \(fixed(seconds * probe.processorShare, 2)) seconds.")
        }
        if probe.isOneProcess(of: ranks) {
            lines.append(
                "  One process on all cores was measured; mpirun -np \(ranks) dtrain plan measures the ranks themselves."
            )
        }
        return lines.joined(separator: "\n")
    }

    private var run: String {
        let steps = configuration.training.steps
        var line = "the run: \(counted(steps, "step")), \(grouped(positionsOfRun)) positions"
        if let epochs { line += ", \(fixed(epochs, 1)) epochs" }
        guard let training = trainingSeconds, let evaluation = evaluationSeconds else { return line }
        line += "\n  \(clockTime(training)) of training"
        return line + (samples == nil ? "" : ", \(clockTime(evaluation)) of evaluation")
    }

    private var disk: String {
        let (bytes, count) = checkpoints
        guard configuration.training.checkpointEvery > 0 else { return "" }
        let megabytes = { (bytes: Int) in grouped((bytes + 999_999) / 1_000_000) }
        var line =
            "disk: \(megabytes(bytes)) MB per checkpoint, at most \(count) at a time: \(megabytes(bytes * count)) MB"
        if let free = freeDiskBytes { line += "; \(megabytes(free)) MB are free" }
        return line
    }

    /// The free space where the run directory is or will be; nil if it is unknown.
    private var freeDiskBytes: Int? {
        var path = configuration.run.directory
        while !path.isEmpty, !FileSystem.exists(path) {
            path = path.exactParts(at: "/").dropLast().joined(separator: "/")
        }
        return try? FileSystem.freeBytes(in: path.isEmpty ? "." : path)
    }

    /// The plan as one JSON object.
    package var json: JSON {
        let parts = ModelPart.sums(layout.parameters.map { ($0.name, $0.count) }).map {
            JSON.Member($0.part.rawValue, .integer($0.count))
        }
        let needed = memory.parts.map { JSON.Member($0.name, .integer(Int($0.bytes))) }
        let less: [JSON] = remedies.map {
            ["change": .string($0.change), "memory_bytes": .integer(Int($0.bytes))]
        }
        func number(_ value: Double?) -> JSON { value.map(JSON.number) ?? .null }
        return .object([
            .init("ranks", .integer(ranks)), .init("parameters", .integer(layout.parameterCount)),
            .init("parts", .object(parts)), .init("memory", .object(needed)),
            .init("memory_bytes", .integer(Int(memory.bytes))), .init("available_bytes", .integer(availableBytes)),
            .init("fits", .boolean(fits)), .init("recompute", .string("\(recomputation)")),
            .init("less_memory", .array(less)), .init("flops_per_step", .number(flopsPerStep)),
            .init("seconds_per_step", number(stepSeconds)),
            .init("processor_share", number(probe?.processorShare)),
            .init("measurement", .string(probe?.description ?? unmeasured ?? "")),
            .init("steps", .integer(configuration.training.steps)), .init("positions", .integer(positionsOfRun)),
            .init("epochs", number(epochs)), .init("training_seconds", number(trainingSeconds)),
            .init("evaluation_seconds", number(evaluationSeconds)),
            .init("checkpoint_bytes", .integer(checkpoints.bytes)),
            .init("checkpoints_at_a_time", .integer(checkpoints.count)),
        ])
    }
}
