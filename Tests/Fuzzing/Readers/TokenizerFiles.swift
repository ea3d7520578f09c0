import Failures
import Files

@testable import TokenizerPipelines
@testable import Tokenizers

extension FuzzedReader {
    /// A `tokenizer.json`: a tokenizer that is accepted encodes and decodes.
    static let tokenizerJSON = FuzzedReader(name: "tokenizer-json", refusals: [.badData]) {
        let pieces = ###""vocab":{"<unk>":0,"a":1,"b":2,"ab":3,"##b":4,"\u2581":5,"\u0120":6,"<0x41>":7}"###
        let added =
            #""added_tokens":[{"id":8,"content":"<s>","special":true,"lstrip":true},{"id":9,"content":"b a","rstrip":true,"single_word":true,"normalized":true}]"#
        return [
            "{\(added),\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Replace\","
                + "\"pattern\":{\"String\":\" \"},\"content\":\"\u{2581}\"},{\"type\":\"Prepend\",\"prepend\":\"\u{2581}\"}]},"
                + "\"pre_tokenizer\":null,\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
                + "{\"id\":\"<s>\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"special_tokens\":{\"<s>\":"
                + "{\"id\":\"<s>\",\"ids\":[8],\"tokens\":[\"<s>\"]}}},\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":"
                + "\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]},"
                + "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"byte_fallback\":true,\"fuse_unk\":true,\(pieces),"
                + "\"merges\":[\"a b\"]}}",
            "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\"},{\"type\":\"ByteLevel\","
                + "\"add_prefix_space\":true}]},\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\","
                + "\"ignore_merges\":true,\(pieces),\"merges\":[[\"a\",\"b\"]]}}",
            "{\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"decoder\":"
                + "{\"type\":\"WordPiece\"},\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"a\",1],\"cls\":[\"b\",2]},"
                + "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"<unk>\",\(pieces)}}",
            "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"prepend_scheme\":\"first\"},\"decoder\":{\"type\":\"Metaspace\"},"
                + "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0.0],[\"\u{2581}a\",-1.5],[\"b\",-2.5]]}}",
        ].map { Array($0.utf8) }
    } open: { _ in
        let texts = ["", "a", "ab b a <s>aB\nab", " \t  é漢🙂\u{0}\u{2581}a", String(repeating: "aab ", count: 50)]
        return { bytes in
            let tokenizer = try PipelineTokenizer(model: bytes, source: "tokenizer.json")
            let vocabulary = Int32(tokenizer.vocabularySize)
            try Defect.unless(
                tokenizer.specialTokens.all.allSatisfy { 0..<vocabulary ~= $0 },
                "a special token outside the vocabulary")
            for text in texts {
                for tokens in try [tokenizer.encode(text), tokenizer.encode(Array(text.utf8), withSpecial: true)] {
                    try Defect.unless(tokens.allSatisfy { 0..<vocabulary ~= $0 }, "a token outside the vocabulary")
                    _ = tokenizer.decode(tokens, keepsSpecial: true)
                }
                let start = text.prefix(text.count / 3).utf8.count
                let marked = try tokenizer.encodeMarked(Array(text.utf8), ranges: [0..<start, start..<text.utf8.count])
                try Defect.unless(marked.tokens.count == marked.isInside.count, "marks of other tokens")
                try Defect.unless(
                    try marked.tokens == tokenizer.encodeMarked(Array(text.utf8), ranges: []).tokens, "other tokens")
                // The tokens do not depend on how a text is cut.
                let whole = try tokenizer.encode(text)
                var parts: [Int32] = []
                try Array(text.utf8).withUnsafeBytes { bytes in
                    let place = try tokenizer.encode(bytes, isLast: false, after: nil, appendingTo: &parts)
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[place...])
                    let previous = place > 0 ? bytes[place - 1] : nil
                    _ = try tokenizer.encode(rest, isLast: true, after: previous, appendingTo: &parts)
                }
                try Defect.unless(parts == whole, "\(text.debugDescription) has other tokens when it is cut")
            }
            _ = tokenizer.byteCounts()
        }
    }

    /// The older files of tokenizers: a byte says which, the rest is the file.
    static let vocabularyFile = FuzzedReader(name: "vocabulary-file", refusals: [.badData]) {
        let bytes = (0...255).map { "\"\(VocabularyFiles.name(ofByte: UInt8($0)).replacingQuotes)\":\($0)" }.joined(
            separator: ",")
        return ["0{\(bytes),\"ab\":256}", "1[UNK]\n[CLS]\n[SEP]\nthe\n##s\n", "2YQ== 0\nYg== 1\nYWI= 2\n", "3a b\n"].map
        {
            Array($0.utf8)
        }
    } open: { _ in
        let vocabulary = (0...255).map { JSON.Member(VocabularyFiles.name(ofByte: UInt8($0)), .integer($0)) }
        let known = Array(JSON.object(vocabulary + [JSON.Member("ab", .integer(256))]).line.utf8)
        return { bytes in
            let file = Array(bytes.dropFirst())
            let json =
                switch (bytes.first ?? 0) & 3 {
                case 0:
                    try VocabularyFiles.gpt2(vocabulary: file, "vocab.json", merges: Array("a b".utf8), "merges.txt")
                case 1: try VocabularyFiles.bert(file, "vocab.txt", lowercases: nil)
                case 2: try RankFile.tokenizer(file, "x.tiktoken", pattern: .cl100k)
                default: try VocabularyFiles.gpt2(vocabulary: known, "vocab.json", merges: file, "merges.txt")
                }
            let tokenizer = try PipelineTokenizer(model: Array(json.line.utf8), source: "converted")
            let tokens = try tokenizer.encode("ab the <|endoftext|>\n")
            try Defect.unless(
                tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize }, "a token outside the vocabulary")
        }
    }
}

extension String {
    /// The text with backslashes before quotes and backslashes.
    fileprivate var replacingQuotes: String { self == "\"" || self == "\\" ? "\\" + self : self }
}
