import Failures
import Files
import Glibc
import TestSupport
import Testing

@testable import Checkpoints

/// Compares dtrain's safetensors parser with Python's on files that `make_files.py` generates. DTRAIN_PYTHON names the
/// interpreter; DTRAIN_DIFFERENTIAL is the number of files and, after a comma, the random seed.
@Suite(.enabled(if: Peer.isThere, "needs a python3 with safetensors (DTRAIN_PYTHON names another)"))
struct DifferentialTests {
    /// The reasons why dtrain rejects a file that Python accepts, each with words of the message.
    private static let differences: [(words: String, reason: String)] = [
        ("unknown dtype", "types that no model here has: floats of 8 bits and fewer, complex numbers"),
        (
            "occurs more than once",
            "a name twice: Python takes the last; names that Unicode holds for equal are one name here"
        ),
        (
            "expected exactly dtype",
            "a member more, or a list in place of an object, which the format does not describe"
        ),
        ("nested deeper than 3", "a member more that is a list of lists: the format has none so deep"),
        ("does not start with '{'", "white space before the header, which the format forbids"),
        ("__metadata__ is not an object", "null, which Python takes for no metadata"),
    ]

    @Test func parsersAgreeExceptForListedDifferences() throws {
        let directory = TemporaryDirectory()
        let settings = getenv("DTRAIN_DIFFERENTIAL").map { String(cString: $0) } ?? "1000,1"
        let numbers = settings.split(separator: ",").compactMap { Int($0) }
        try #require(numbers.count == 2)
        try #require(Peer.makeFiles(in: directory.path, count: numbers[0], seed: numbers[1]))

        let lines = try FileSystem.contents(of: directory.file("verdicts.jsonl"), limitBytes: 4 << 30)
            .split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == numbers[0])
        var found: [String: Int] = [:]
        for line in lines {
            let verdict = try JSON(parsing: Array(line), source: "verdicts")
            let name = try #require(verdict["file"]?.stringValue)
            let theirs = try #require(verdict["tensors"]?.arrayValue)
            let isAccepted = verdict["error"] == .null
            let outcome: String
            do {
                let ours = try tensors(of: directory.file(name))
                if isAccepted {
                    outcome = "both read"
                    #expect(Set(ours) == Set(theirs.map(\.line)), "\(name)")
                } else {
                    outcome = "only we read"
                    Issue.record("\(name): Python refuses it: \(verdict["error"]?.stringValue ?? "")")
                }
            } catch let failure as Failure {
                let difference = Self.differences.first { failure.message.contains($0.words) }
                outcome = isAccepted ? "only Python reads: \(difference?.words ?? "not listed")" : "both refuse"
                if isAccepted, difference == nil { Issue.record("\(name): \(failure)") }
                #expect(failure.exitCode == .badData)
            }
            found[outcome, default: 0] += 1
        }
        // A minimum of files must be accepted by both and rejected by both.
        #expect(found["both read", default: 0] > numbers[0] / 10 && found["both refuse", default: 0] > numbers[0] / 10)
        if getenv("DTRAIN_DIFFERENTIAL") != nil {
            print(JSON.object(found.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) }).line)
        }
    }

    /// The tensors of a file in the format of the verdicts.
    private func tensors(of path: String) throws -> [String] {
        let bytes = try FileSystem.contents(of: path)
        return try SafetensorsFile(path).tensors.map { tensor in
            let digits = bytes[tensor.range].map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
            let told: JSON = [
                "name": .string(tensor.name), "dtype": .string(tensor.type.rawValue),
                "shape": .array(tensor.shape.map { .integer($0) }), "bytes": .string(digits),
            ]
            return told.line
        }
    }
}

/// Python with the package `safetensors`.
private enum Peer {
    private static let interpreter = getenv("DTRAIN_PYTHON").map { String(cString: $0) } ?? "python3"

    static let isThere = system("'\(interpreter)' -c 'import safetensors' 2>/dev/null") == 0

    static func makeFiles(in directory: String, count: Int, seed: Int) -> Bool {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return system("'\(interpreter)' '\(folder)/make_files.py' '\(directory)' \(count) \(seed)") == 0
    }
}
