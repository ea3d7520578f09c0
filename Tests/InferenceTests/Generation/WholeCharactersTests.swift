import Testing

@testable import Inference

struct WholeCharactersTests {
    /// However the input is divided, every output chunk consists of whole characters, and their concatenation is
    /// the text.
    @Test func outputConsistsOfWholeCharacters() {
        let text = "aé€𝛼 größe → 𝄞ü"
        let bytes = Array(text.utf8)
        for length in 0...bytes.count {
            for piece in 1...5 {
                var characters = WholeCharacters()
                var all: [UInt8] = []
                for start in stride(from: 0, to: length, by: piece) {
                    let out = characters.append(Array(bytes[start..<min(start + piece, length)]))
                    #expect(String(validating: out, as: UTF8.self) != nil, "\(out)")
                    all += out
                }
                // Only an incomplete character is held back.
                let held = characters.finish()
                #expect(held.count < 4)
                #expect(String(validating: held, as: UTF8.self) == nil || held.isEmpty)
                #expect(all + held == Array(bytes[..<length]))
                #expect(characters.finish() == [])
            }
        }
    }

    /// Invalid bytes are output in order, and are held back no longer than the bytes of one character.
    @Test func invalidBytesAreOutput() {
        var characters = WholeCharacters()
        var (out, all): ([UInt8], [UInt8]) = ([], [])
        var state: UInt32 = 1
        for _ in 0..<5000 {
            state = state &* 1_664_525 &+ 1_013_904_223
            // Mostly bytes above 127.
            let byte = UInt8(truncatingIfNeeded: state >> 24) | (state & 0x0070_0000 == 0 ? 0 : 0x80)
            all.append(byte)
            out += characters.append([byte])
            #expect(all.count - out.count <= 3)
            #expect(out[...] == all[..<out.count])
        }
        #expect(out + characters.finish() == all)
    }

    @Test(
        arguments: [
            ([0xC3], []), ([0xC3, 0xA9], [0xC3, 0xA9]), ([0xE2, 0x86], []), ([0xF0, 0x9D, 0x9B], []),
            ([0x80], [0x80]), ([0xFF], [0xFF]), ([0xC0], [0xC0]), ([0xC3, 0x41], [0xC3, 0x41]), ([0x41, 0xE2], [0x41]),
        ] as [([UInt8], [UInt8])])
    func outputsCompleteCharacters(bytes: [UInt8], out: [UInt8]) {
        var characters = WholeCharacters()
        #expect(characters.append(bytes) == out)
    }
}
