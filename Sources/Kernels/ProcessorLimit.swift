/// What the processor could do: the rate of a loop of nothing but fused multiply-adds in registers.
///
/// - Returns: Floating-point operations, two a multiply-add, and nothing of it meaningful as a number.
@inline(never)
package func fusedMultiplyAdds(rounds: Int) -> (operations: Int, sink: Float) {
    // Twelve independent chains: more than latency × units of any processor of today, and they fit the registers.
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
