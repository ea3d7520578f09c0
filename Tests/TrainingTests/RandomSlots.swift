import Datasets

/// Micro-batches of random sequences, which depend only on the seed.
func randomSlots(
    _ slots: Range<Int>, sequences: Int, _ shape: BatchShape, vocabularySize: Int = 31, outputs: Int = 0,
    targetShare: Double = 1, seed: UInt64
) throws -> [Batch] {
    try slots.map { slot in
        let batch = try Batch(capacity: sequences, shape)
        batch.fillRandomly(
            vocabularySize: vocabularySize, outputs: outputs, targetShare: targetShare,
            seed: seed + UInt64(slot) << 32)
        for sequence in 0..<sequences { batch.sampleIndices[sequence] = UInt64(slot * sequences + sequence) }
        return batch
    }
}
