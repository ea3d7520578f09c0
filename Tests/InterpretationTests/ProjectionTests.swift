import TestSupport
import Testing

@testable import Interpretation

struct ProjectionTests {
    /// Points along two known directions in four dimensions, with variances of 9 : 1 and a shifted mean.
    @Test func principalComponentsAreTheLargestDirections() {
        let (first, second) = ([0.6, 0.8, 0, 0], [-0.8, 0.6, 0, 0])
        let places: [(a: Double, b: Double)] = (0..<40).map { ($0 % 2 == 0 ? 3 : -3, $0 % 4 < 2 ? 1 : -1) }
        var points: [Double] = []
        for place in places {
            for column in 0..<4 { points.append(place.a * first[column] + place.b * second[column] + 5) }
        }
        let found = PrincipalComponents(points, width: 4, components: 3, seed: 1)
        expectClose(found.shares, [0.9, 0.1, 0], absolute: 1e-9)
        // The sign of a component is that of its largest coordinate: the second one has −0.8 there, so it is turned.
        let expected = places.flatMap { place -> [Double] in [place.a, -place.b, 0] }
        expectClose(found.points, expected, absolute: 1e-6)
    }

    @Test func gradientOfTheMapEqualsFiniteDifferences() {
        let map = NeighbourEmbedding(
            normals(8 * 3, seed: 3), width: 3, dimensions: 2, perplexity: 2, seed: 4)
        #expect(abs(map.probabilities.reduce(0, +) - 1) < 1e-9)
        let point = normals(16, seed: 5)
        var moved = map
        moved.place(point)
        checkGradients(moved.gradient(), at: point, tolerance: 1e-6) {
            var other = map
            other.place($0)
            return other.divergence
        }
    }

    /// Three groups that are far apart stay groups: the nearest neighbour of each point is of its own group.
    @Test(arguments: [ProjectionMethod.tsne, .pca], [2, 3])
    func groupsStayTogether(method: ProjectionMethod, dimensions: Int) {
        let groups = 3
        let noise = normals(60 * 5, seed: 6)
        var points = noise
        for row in 0..<60 { points[row * 5 + row % groups] += 20 }
        let names = (0..<60).map(String.init)
        func project() -> Projection {
            Projection(points, names: names, width: 5, method, dimensions: dimensions, seed: 8)
        }
        let found = project()
        for row in 0..<60 {
            func distance(_ other: Int) -> Double {
                var sum = 0.0
                for column in 0..<dimensions {
                    let difference = found.points[row * dimensions + column] - found.points[other * dimensions + column]
                    sum += difference * difference
                }
                return sum
            }
            let nearest = (0..<60).filter { $0 != row }.min { distance($0) < distance($1) }!
            #expect(nearest % groups == row % groups)
        }
        #expect(project().points == found.points)
        #expect(found.tsv.split(separator: "\n").count == 60)
    }
}
