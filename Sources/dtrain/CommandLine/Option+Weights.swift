import Failures
import Inference
import Training

extension Option {
    /// Of commands that use a trained model.
    static let weights = Option.one(
        "weights", "average|last", "which weights (default: averaged ones where there are any)")
}

extension Arguments {
    /// The value of `--weights`; nil where it is not given.
    func weights() throws(Failure) -> WeightChoice? {
        guard let text = value("weights") else { return nil }
        guard let choice = WeightChoice(rawValue: text) else {
            throw usage("--weights: found \(text); allowed: average, last.")
        }
        return choice
    }
}
