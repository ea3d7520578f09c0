extension Reference {
    /// Returns a gradient after scaling, clipping by value, and adding the gradients of the penalties.
    package static func adjusted(
        _ gradient: Double, weight: Double, scale: Double, limit: Double, l1: Double, l2: Double
    ) -> Double {
        let sign: Double = weight > 0 ? 1 : weight < 0 ? -1 : 0
        return max(-limit, min(limit, gradient * scale)) + l1 * sign + l2 * weight
    }

    /// Updates one weight and its state by one optimization rule.
    package static func descent(
        _ rule: String, weight: inout Double, state: inout Double, gradient: Double, rate: Double
    ) {
        switch rule {
        case "sgd": weight -= rate * gradient
        case "momentum":
            state = 0.8 * state + gradient
            weight -= rate * state
        case "nesterov":
            state = 0.8 * state + gradient
            weight -= rate * (gradient + 0.8 * state)
        case "rmsprop":
            state = 0.9 * state + 0.1 * gradient * gradient
            weight -= rate * gradient / (state.squareRoot() + 1e-3)
        case "lion":
            let direction = 0.8 * state + 0.2 * gradient
            weight = weight * (1 - rate * 0.5) - rate * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
            state = 0.9 * state + 0.1 * gradient
        default:
            state += gradient * gradient
            weight -= rate * gradient / (state.squareRoot() + 1e-3)
        }
    }
}
