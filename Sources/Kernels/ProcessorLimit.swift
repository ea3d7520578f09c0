/// Runs a loop of fused multiply-adds on registers, to measure the peak floating-point rate of a core.
///
/// - Returns: The number of floating-point operations, two per multiply-add, and a value that only prevents the
///   compiler from removing the loop.
@inline(never)
package func fusedMultiplyAdds(rounds: Int) -> (operations: Int, sink: Float) {
    // Twelve independent chains exceed latency × throughput of current CPUs and fit in the registers.
    let factor = SIMD16<Float>(repeating: 0.999_999)
    var (a, b, c, d) = (factor, factor, factor, factor)
    var (e, f, g, h) = (factor, factor, factor, factor)
    var (i, j, k, l) = (factor, factor, factor, factor)
    for _ in 0..<rounds {
        a = factor.addingProduct(a, factor)
        b = factor.addingProduct(b, factor)
        c = factor.addingProduct(c, factor)
        d = factor.addingProduct(d, factor)
        e = factor.addingProduct(e, factor)
        f = factor.addingProduct(f, factor)
        g = factor.addingProduct(g, factor)
        h = factor.addingProduct(h, factor)
        i = factor.addingProduct(i, factor)
        j = factor.addingProduct(j, factor)
        k = factor.addingProduct(k, factor)
        l = factor.addingProduct(l, factor)
    }
    let sum = (a + b + c + d) + (e + f + g + h) + (i + j + k + l)
    return (rounds * 12 * lanes * 2, sum.lanesSum)
}
