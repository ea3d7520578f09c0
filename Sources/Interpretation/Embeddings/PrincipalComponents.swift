import Tensors

// N points, C dimensions, K components.

/// The principal components of points: the K orthogonal directions in which they vary most.
///
/// Computed by orthogonal iteration on the centred points, from a start that is a function of the seed. The sign of
/// each component is that of its largest coordinate.
///
/// - Source: Pearson 1901; Golub & Van Loan, "Matrix computations", section 8.2 (orthogonal iteration).
package struct PrincipalComponents: Sendable {
    /// [N, K]; the points in the coordinates of the components.
    package let points: [Double]
    /// [K]; the share of the variance in each component, in descending order.
    package let shares: [Double]

    private static let iterations = 200

    /// Projects `values`, [N, C], with N ≥ 1.
    ///
    /// - Complexity: O(iterations · N · C · K).
    package init(_ values: [Double], width: Int, components: Int, seed: UInt64) {
        let rows = values.count / width
        var centred = values
        for column in 0..<width {
            let mean = stride(from: column, to: values.count, by: width).reduce(0) { $0 + values[$1] } / Double(rows)
            for place in stride(from: column, to: values.count, by: width) { centred[place] -= mean }
        }
        let kept = min(components, width)
        let stream = RandomStream(seed: seed, purpose: .projection)
        var basis = (0..<kept).map { component in
            (0..<width).map { stream.uniform(UInt64(component * width + $0)) - 0.5 }
        }
        PrincipalComponents.orthonormalize(&basis)
        for _ in 0..<PrincipalComponents.iterations {
            let before = basis
            basis = basis.map { PrincipalComponents.covarianceProduct(centred, rows: rows, width: width, $0) }
            PrincipalComponents.orthonormalize(&basis)
            let moved = zip(before, basis).map { 1 - abs(zip($0, $1).reduce(0) { $0 + $1.0 * $1.1 }) }
            if moved.allSatisfy({ $0 < 1e-12 }) { break }
        }
        for index in basis.indices {
            let largest = basis[index].max { abs($0) < abs($1) } ?? 1
            if largest < 0 { basis[index] = basis[index].map { -$0 } }
        }
        var points = [Double](repeating: 0, count: rows * components)
        for row in 0..<rows {
            for (component, direction) in basis.enumerated() {
                var sum = 0.0
                for column in 0..<width { sum += centred[row * width + column] * direction[column] }
                points[row * components + component] = sum
            }
        }
        let total = centred.reduce(0) { $0 + $1 * $1 }
        shares = (0..<components).map { component in
            let own = stride(from: component, to: points.count, by: components).reduce(0) {
                $0 + points[$1] * points[$1]
            }
            return total > 0 ? own / total : 0
        }
        self.points = points
    }

    /// XᵀX·v, for X of [N, C].
    private static func covarianceProduct(_ x: [Double], rows: Int, width: Int, _ v: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: width)
        x.withUnsafeBufferPointer { x in
            v.withUnsafeBufferPointer { v in
                result.withUnsafeMutableBufferPointer { result in
                    for row in 0..<rows {
                        let start = row * width
                        var product = 0.0
                        for column in 0..<width { product += x[start + column] * v[column] }
                        for column in 0..<width { result[column] += product * x[start + column] }
                    }
                }
            }
        }
        return result
    }

    /// Replaces the vectors by orthonormal ones of the same span (Gram–Schmidt, twice against rounding); a vector that
    /// depends on earlier ones becomes zero.
    private static func orthonormalize(_ basis: inout [[Double]]) {
        for index in basis.indices {
            let before = basis[index].reduce(0) { $0 + $1 * $1 }.squareRoot()
            for _ in 0..<2 {
                for earlier in 0..<index {
                    let product = zip(basis[index], basis[earlier]).reduce(0) { $0 + $1.0 * $1.1 }
                    for column in basis[index].indices { basis[index][column] -= product * basis[earlier][column] }
                }
            }
            let norm = basis[index].reduce(0) { $0 + $1 * $1 }.squareRoot()
            basis[index] = basis[index].map { norm > 1e-12 * before ? $0 / norm : 0 }
        }
    }
}
