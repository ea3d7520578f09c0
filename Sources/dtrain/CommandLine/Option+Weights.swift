import Failures
import Inference

extension Option {
    /// The option of commands that use a trained model.
    static let weights = Option.one(
        "weights", .choice(of: WeightChoice.self), "weights (default: the EMA if there is one)")
}

extension Arguments {
    /// The value of `--weights`; nil if it is not given.
    func weights() throws(Failure) -> WeightChoice? {
        try choice("weights")
    }
}
