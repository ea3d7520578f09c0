import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct ImageSamplesTests {
    private let directory = TemporaryDirectory()

    private func samples(
        _ images: [[UInt8]], height: Int, width: Int, patchSize: Int, _ augmentation: Augmentation = Augmentation()
    ) throws -> ImageSamples {
        let dataset = try directory.prepareImages(
            images, height: height, width: width, classes: images.indices.map { UInt8($0) })
        return ImageSamples(
            try dataset.records(.train), try #require(dataset.labels), try #require(dataset.imageShape),
            patchSize: patchSize, augmentation: augmentation)
    }

    /// The pixels of sample 0 with values 0 ... 255, at global index `index`.
    private func view(_ samples: ImageSamples, _ index: UInt64) throws -> [Float] {
        try samples.contents(0, SampleDraw(index: index, isTraining: true, seed: 4)).patches.map { ($0 + 1) * 127.5 }
    }

    @Test func patchesAreInRowMajorOrder() throws {
        let samples = try samples(
            [(0..<24).map { UInt8($0) }, [UInt8](repeating: 255, count: 24)], height: 4, width: 6, patchSize: 2)
        #expect(samples.shape.positions == 1 + 6 && samples.shape.patchNumbers == 24)
        let read = try EvaluationBatches(samples, sequencesPerBatch: 2, seed: 1).contents()[0]
        let patches = [
            [0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11], [12, 13, 18, 19], [14, 15, 20, 21], [16, 17, 22, 23],
        ]
        expectClose(Array(read.patches[..<24]), patches.joined().map { Double($0) / 127.5 - 1 }, absolute: 1e-6)
        #expect(read.patches[24...].allSatisfy { $0 == 1 })
        #expect(read.targets == [0, 1] && read.targetCount == 2)
    }

    /// A patch stores its channels one after another.
    @Test func channelsOfAPatchAreSeparate() {
        let image = ImageShape(height: 2, width: 4, channels: 3)
        var patches = [Float](repeating: 0, count: 24)
        let bytes = (0..<24).map { UInt8($0) }
        ImageView(SampleDraw(index: 0, isTraining: false, seed: 1), Augmentation(), image)
            .writePatches(bytes, image, patchSize: 2, into: &patches)
        let expected = [0, 3, 12, 15, 1, 4, 13, 16, 2, 5, 14, 17, 6, 9, 18, 21, 7, 10, 19, 22, 8, 11, 20, 23]
        expectClose(patches, expected.map { Double($0) / 127.5 - 1 }, absolute: 1e-6)
    }

    /// Evaluation never augments; training without augmentation does not either.
    @Test func evaluationDoesNotAugment() throws {
        var augmentation = Augmentation()
        (augmentation.shift, augmentation.flip, augmentation.crop) = (2, true, 0.5)
        let image = (0..<16).map { UInt8(3 * $0) }
        let changing = try samples([image], height: 4, width: 4, patchSize: 4, augmentation)
        let plain = try samples([image], height: 4, width: 4, patchSize: 4)
        let expected = image.map { Double($0) }
        for index in 0..<UInt64(20) {
            let draw = SampleDraw(index: index, isTraining: false, seed: 4)
            expectClose(try changing.contents(0, draw).patches.map { ($0 + 1) * 127.5 }, expected, absolute: 1e-4)
            expectClose(try view(plain, index), expected, absolute: 1e-4)
        }
        #expect(try Set((0..<20).map { try view(changing, $0) }).count > 15)
        #expect(try view(changing, 3) == view(changing, 3))
    }

    /// The distinct views at 100 global indices, rounded to integers.
    private func views(_ augmentation: Augmentation) throws -> Set<[Int]> {
        let image: [UInt8] = [10, 20, 30, 40, 50, 60]
        let samples = try samples([image], height: 2, width: 3, patchSize: 1, augmentation)
        return Set(try (0..<100).map { try view(samples, $0).map { Int($0.rounded()) } })
    }

    @Test func flipMirrorsSomeViews() throws {
        var augmentation = Augmentation()
        augmentation.flip = true
        #expect(try views(augmentation) == [[10, 20, 30, 40, 50, 60], [30, 20, 10, 60, 50, 40]])
    }

    /// Shifts of at most one pixel in each direction give nine views, with black borders.
    @Test func shiftMovesViewsByWholePixels() throws {
        var augmentation = Augmentation()
        augmentation.shift = 1
        let rows = [[0, 0, 0], [10, 20, 30], [40, 50, 60], [0, 0, 0]]
        var expected = Set<[Int]>()
        for top in 0...2 {
            for left in -1...1 {
                expected.insert(
                    rows[top..<top + 2].flatMap { row in
                        (left..<left + 3).map { row.indices.contains($0) ? row[$0] : 0 }
                    })
            }
        }
        #expect(try views(augmentation) == expected)
    }

    /// A crop of a linear gradient is a flatter gradient, with its corners inside the image.
    @Test func cropsStayInsideTheImage() throws {
        var augmentation = Augmentation()
        augmentation.crop = 0.4
        // The gradient is 10 per row and 3 per column.
        let (height, width) = (9, 6)
        let plane = (0..<height * width).map { UInt8(20 + 10 * ($0 / width) + 3 * ($0 % width)) }
        let samples = try samples([plane], height: height, width: width, patchSize: 3, augmentation)
        var steps: [Double] = []
        for index in 0..<UInt64(200) {
            let patches = try view(samples, index).map(Double.init)
            func pixel(_ y: Int, _ x: Int) -> Double { patches[((y / 3) * 2 + x / 3) * 9 + y % 3 * 3 + x % 3] }
            let first = pixel(0, 0)
            let step = (pixel(height - 1, 0) - first) / Double(height - 1) / 10
            steps.append(step)
            for y in 0..<height {
                for x in 0..<width {
                    expectClose(pixel(y, x), first + step * Double(10 * y + 3 * x), absolute: 1e-3)
                }
            }
            #expect(first > 20 - 1e-3 && pixel(height - 1, width - 1) < 20 + 80 + 15 + 1e-3)
        }
        #expect(steps.allSatisfy { (0.399...1.001).contains($0) })
        #expect(steps.min()! < 0.45 && steps.max()! > 0.95)
    }
}
