import Numbers
import Tensors

extension ParameterLayout {
    /// Returns an arena of this layout in which every parameter, including biases and scales, is random normal, so that
    /// no gradient is zero by accident.
    ///
    /// Scales have mean 1, all other parameters mean 0; all values are exact in Float16.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    package func randomArena<Element: Storage>(_: Element.Type, seed: UInt64, deviation: Double) -> Arena<Element> {
        let arena = Arena<Element>(count: count)
        for (index, parameter) in parameters.enumerated() {
            let mean = parameter.initializer == .ones ? 1.0 : 0
            let values = normals(parameter.count, seed: seed + UInt64(index), deviation: deviation, mean: mean)
            for (place, value) in zip(parameter.range, values) { arena.base[place] = Element(value) }
        }
        return arena
    }

    /// Returns the values of every parameter in an arena of this layout, by name.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    package func named<Element: Storage>(_ arena: Arena<Element>) -> [String: [Double]] {
        Dictionary(
            uniqueKeysWithValues: parameters.map { ($0.name, array(arena.base + $0.offset, $0.count).map(Double.init)) }
        )
    }
}
