import Averaging
import Tensors

/// The unit of the update: at most one chunk, of one parameter, that this rank owns.
package struct UpdatePiece {
    /// The index among all pieces of this rank.
    let number: Int
    /// The index of the parameter in the layout.
    let parameter: Int
    /// The offset of its first element in the whole arena.
    let start: Int
    /// The offset in the shard's arenas.
    let stateStart: Int
    let count: Int
    /// The index of the rule by which it is updated; nil: frozen.
    let rule: Int?

    /// The pieces of each range of `shard`.
    ///
    /// - Parameter rules: The index of each parameter's rule; nil: frozen.
    static func all(of shard: Shard, _ layout: ParameterLayout, _ rules: [Int?]) -> [[UpdatePiece]] {
        var number = 0
        return zip(shard.ranges, shard.starts).map { range, start in
            layout.parameters.indices.flatMap { index in
                let own = layout.parameters[index].range.clamped(to: range)
                return stride(from: own.lowerBound, to: own.upperBound, by: chunkElements).map { first in
                    let stateStart = start + first - range.lowerBound
                    defer { number += 1 }
                    return UpdatePiece(
                        number: number, parameter: index, start: first, stateStart: stateStart,
                        count: min(chunkElements, own.upperBound - first), rule: rules[index])
                }
            }
        }
    }
}
