import Failures
import Inference

extension Option {
    /// The option of commands that use a trained model.
    static let weights = Option.one(
        "weights", "average|last", "weights to use (default: the EMA if there is one)")
}

extension Arguments {
    /// The value of `--weights`; nil if it is not given.
    func weights() throws(Failure) -> WeightChoice? {
        guard let text = value("weights") else { return nil }
        guard let choice = WeightChoice(rawValue: text) else {
            throw usage("--weights: found \(text); allowed: average, last.")
        }
        return choice
    }
}
