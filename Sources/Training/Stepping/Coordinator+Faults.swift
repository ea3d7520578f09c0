import Failures
import Watching

extension Coordinator {
    /// Creates the injection of the faults for this rank; nil if `faults` contains none.
    ///
    /// - Throws: `usage` if a fault names a tensor that the model does not have.
    func injection(of faults: [Fault]) throws(Failure) -> FaultInjection? {
        for case let name? in faults.map(\.tensor) where !layout.parameters.contains(where: { $0.name == name }) {
            let nearest = nearestSpelling(to: name, among: layout.parameters.map(\.name))
            throw Failure(
                .usage, "\(Fault.variable): tensor: found \(name)" + (nearest.map { "; did you mean \($0)?" } ?? "."))
        }
        let own = faults.filter { $0.rank == communicator.rank }
        if own.isEmpty { return nil }
        let (averaging, layout, forwardPass) = (averaging, layout, replica.forwardPass)
        return FaultInjection(
            own,
            flip: { [unowned self] name, bit in
                // Weights that arrive later would overwrite the bit.
                try? completeWeights()
                let parameter = layout.parameters.first { name == nil || $0.name == name }!
                let bytes = averaging.weights.bytes(of: parameter.range)
                bytes[bit / 8 % MemoryLayout<Element>.stride] ^= 1 << (bit % 8)
            },
            spoil: {
                forwardPass.workspace.floats(forwardPass.model.outputGradientUse, 1)[0] = .nan
            })
    }
}
