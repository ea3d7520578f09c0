import CUnicode

/// The properties of a character, as the tokenizers of other programs use them: see `cunicode.h`.
struct CharacterKind: OptionSet {
    let rawValue: UInt32

    static let upper = Self(rawValue: UInt32(cunicode_upper))
    static let lower = Self(rawValue: UInt32(cunicode_lower))
    static let otherLetter = Self(rawValue: UInt32(cunicode_other_letter))
    static let mark = Self(rawValue: UInt32(cunicode_mark))
    static let number = Self(rawValue: UInt32(cunicode_number))
    static let space = Self(rawValue: UInt32(cunicode_space))
    static let punctuation = Self(rawValue: UInt32(cunicode_punctuation))
    static let symbol = Self(rawValue: UInt32(cunicode_symbol))
    static let word = Self(rawValue: UInt32(cunicode_word))
    static let numeric = Self(rawValue: UInt32(cunicode_numeric))
    static let bertPunctuation = Self(rawValue: UInt32(cunicode_bert_punctuation))
    static let control = Self(rawValue: UInt32(cunicode_control))
    static let nonspacing = Self(rawValue: UInt32(cunicode_nonspacing))
    static let accent = Self(rawValue: UInt32(cunicode_accent))
    /// The lower case differs.
    static let changesCase = Self(rawValue: 1 << 14)
    static let letter: Self = [.upper, .lower, .otherLetter]

    /// A text of such characters alone is in the normalization form.
    static func stable(in form: NormalizationForm) -> Self { Self(rawValue: 1 << (16 + form.rawValue)) }

    /// The canonical combining class.
    var combiningClass: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 24) }

    /// Whether the character has any of the properties.
    @inline(__always) func has(_ any: Self) -> Bool { rawValue & any.rawValue != 0 }

    /// Han characters, which BERT sets apart.
    static func isHan(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B81F,
            0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}

/// The kinds of all characters, from a table of four bytes for each code point.
struct CharacterKinds: @unchecked Sendable {
    /// Never changed after `init`, and never freed.
    private let base: UnsafeMutablePointer<UInt32>

    static let all = CharacterKinds()

    private init() {
        base = .allocate(capacity: 0x110000)
        let (kinds, runs) = (numbers(cunicode_kinds()), numbers(cunicode_runs()))
        let stable = NormalizationForm.allCases.reduce(CharacterKind()) { $0.union(.stable(in: $1)) }
        var code = 0
        for run in stride(from: 0, to: runs.count, by: 2) {
            (base + code).initialize(repeating: kinds[Int(runs[run + 1])] | stable.rawValue, count: Int(runs[run]))
            code += Int(runs[run])
        }
        for (code, _) in LetterCase.changes { base[Int(code)] |= CharacterKind.changesCase.rawValue }
        for form in NormalizationForm.allCases {
            for code in Decompositions.all.unstableCodes(in: form) {
                base[Int(code)] &= ~CharacterKind.stable(in: form).rawValue
            }
        }
    }

    /// The kind of a code point below 0x110000.
    @inline(__always) subscript(_ scalar: UInt32) -> CharacterKind { CharacterKind(rawValue: base[Int(scalar)]) }
}

/// Lower case, character by character.
enum LetterCase {
    /// The lower case of every character that has one, except U+0130.
    static let changes: [UInt32: UInt32] = {
        let groups = numbers(cunicode_cases())
        var result: [UInt32: UInt32] = [:]
        for group in stride(from: 0, to: groups.count, by: 4) {
            for index in 0..<groups[group + 1] {
                let code = groups[group] + index * groups[group + 2]
                result[code] = code &+ groups[group + 3]
            }
        }
        return result
    }()
}

/// The numbers of a table.
func numbers(_ array: cunicode_array) -> UnsafeBufferPointer<UInt32> {
    UnsafeBufferPointer(start: array.start, count: array.count)
}
