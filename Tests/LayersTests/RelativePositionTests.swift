import Layers
import Testing

@Suite struct RelativePositionTests {
    /// The buckets of transformers 5.24.0, `T5Attention._relative_position_bucket`.
    @Test(arguments: [
        (true, 32, 128, [15, 15, 15, 14, 12, 12, 11, 10, 10, 9, 8, 8, 7, 3, 1, 0, 17, 18, 23, 24, 26, 28, 31]),
        (false, 32, 128, [31, 31, 31, 26, 21, 21, 21, 16, 16, 15, 9, 8, 7, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        (true, 8, 9, [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 1, 0, 5, 6, 7, 7, 7, 7, 7]),
        (false, 12, 17, [11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 8, 7, 6, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    ])
    func bucketsEqualThoseOfTransformers(isBidirectional: Bool, buckets: Int, limit: Int, expected: [Int]) {
        let shape = RelativeShape(
            buckets: buckets, distanceLimit: limit, isBidirectional: isBidirectional, positions: 200,
            initializer: .zeros)
        let distances = [
            -150, -128, -127, -64, -33, -32, -31, -17, -16, -15, -9, -8, -7, -3, -1, 0, 1, 2, 7, 8, 16, 40, 150,
        ]
        #expect(distances.map(shape.bucket) == expected)
    }
}
