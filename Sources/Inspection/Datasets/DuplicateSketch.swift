import Datasets
import Files

/// Counts contents that occur more than once, in bounded memory.
///
/// A content is known by a 64-bit hash. Up to `capacity` different contents are all counted. If there are more, only
/// those whose hash ends in `level` zero bits are kept, and `level` rises whenever the table is full: the rest is a
/// random sample of the different contents, whose shares estimate those of all.
///
/// - Source: Gibbons 2001, "Distinct sampling for highly-accurate answers to distinct values queries and event
///   reports".
struct DuplicateSketch {
    private let capacity: Int
    private(set) var level = 0
    private var mask: UInt64 = 0
    /// The number of occurrences in the training and the validation split.
    private var occurrences: [UInt64: SIMD2<UInt32>] = [:]

    /// A sketch of at most `capacity` different contents; the default takes about 50 MB.
    init(capacity: Int = 1 << 20) { self.capacity = capacity }

    /// Counts an occurrence of the content with a hash whose bits are uniformly distributed.
    mutating func add(_ hash: UInt64, in split: Split) {
        guard hash & mask == 0 else { return }
        var counts = occurrences[hash, default: SIMD2(0, 0)]
        let place = split == .train ? 0 : 1
        if counts[place] < UInt32.max { counts[place] += 1 }
        occurrences[hash] = counts
        while occurrences.count > capacity {
            level += 1
            mask = mask << 1 | 1
            let mask = mask
            occurrences = occurrences.filter { $0.key & mask == 0 }
        }
    }

    /// The duplicates found.
    var result: Duplicates {
        var (train, validation, repeatedTrain, repeatedValidation, leaked) = (0, 0, 0, 0, 0)
        for counts in occurrences.values {
            let (first, second) = (Int(counts.x), Int(counts.y))
            train += first
            validation += second
            repeatedTrain += max(0, first - 1)
            repeatedValidation += max(0, second - 1)
            if first > 0 { leaked += second }
        }
        func share(_ part: Int, _ whole: Int) -> Double { whole > 0 ? Double(part) / Double(whole) : 0 }
        return Duplicates(
            withinTraining: share(repeatedTrain, train), withinValidation: share(repeatedValidation, validation),
            validationInTraining: share(leaked, validation), sampling: 1 << min(level, 62))
    }
}

/// The shares of repeated contents.
struct Duplicates: Equatable {
    /// The share of the training contents that occurred before in the same split.
    let withinTraining: Double
    /// The share of the validation contents that occurred before in the same split.
    let withinValidation: Double
    /// The share of the validation contents that also occur in the training split.
    let validationInTraining: Double
    /// 1: all contents were compared; n: a sample of one in n.
    let sampling: Int

    var json: JSON {
        [
            "within_train": .number(withinTraining), "within_validation": .number(withinValidation),
            "validation_in_train": .number(validationInTraining), "sampling": .integer(sampling),
        ]
    }
}

/// A hash of a sequence of numbers, with uniformly distributed bits.
struct ContentHash {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Appends a number.
    mutating func append(_ number: UInt64) { state = ContentHash.mixed(state ^ number &* 0xBF58_476D_1CE4_E5B9) }

    /// The hash of the numbers so far.
    var value: UInt64 { ContentHash.mixed(state) }

    /// The finalizer of SplitMix64 (Steele, Lea & Flood 2014).
    static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// The hashes of all passages of a fixed number of consecutive tokens, in constant time per token.
struct PassageHashes {
    /// The number of tokens of a passage, as in Lee et al. 2022, "Deduplicating training data makes language models
    /// better".
    static let length = 50
    private static let base: UInt64 = 0x5851_F42D_4C95_7F2D
    /// `base` to the power of `length`.
    private static let leaving = (0..<length).reduce(UInt64(1)) { power, _ in power &* base }
    private var recent = [UInt64](repeating: 0, count: length)
    private var place = 0
    private var count = 0
    private var sum: UInt64 = 0

    /// Appends a token; returns the hash of the passage that ends with it, or nil if it is not complete yet.
    mutating func append(_ token: Int32) -> UInt64? {
        let number = UInt64(UInt32(bitPattern: token)) + 1
        sum = sum &* PassageHashes.base &+ number &- recent[place] &* PassageHashes.leaving
        recent[place] = number
        place = place + 1 == PassageHashes.length ? 0 : place + 1
        count += 1
        return count >= PassageHashes.length ? ContentHash.mixed(sum) : nil
    }

    /// Starts a new text.
    mutating func restart() { self = PassageHashes() }
}
