import Files
import Foundation
import Layers
import TestSupport
import Testing

@testable import Inference
@testable import Interpretation

struct PromptAttentionTests {
    /// Every map has one row per query that sums to 1, and the parts that belong to the family.
    @Test func mapsOfAllFamilies() throws {
        for (name, model) in try TinyModel.families() {
            let attention = try PromptAttention(
                model.generation, prompt: "a small", target: name == "encoder-decoder" ? "un petit" : nil)
            let kinds = attention.parts.map(\.kind)
            let expected: [PromptAttention.Kind] =
                name == "encoder-decoder" ? [.encoder, .own, .cross] : name == "prefix decoder" ? [.prefix] : [.own]
            #expect(kinds == expected, "\(name)")
            for part in attention.parts {
                #expect(part.layers.count == 3 && part.layers.allSatisfy { $0.heads == 2 }, "\(name)")
                for map in part.layers {
                    #expect(map.queries == part.queries.count && map.keys == part.keys.count, "\(name)")
                    expectRowsSumToOne(map.probabilities, columns: map.keys, name)
                }
                if let rollout = part.rollout { expectRowsSumToOne(rollout, columns: part.keys.count, name) }
            }
        }
    }

    /// A decoder sees no later token; within the prefix of a prefix decoder, all tokens see each other.
    @Test func masksAreVisible() throws {
        func laterIsZero(_ map: AttentionMap, from first: Int) -> Bool {
            (first..<map.queries).allSatisfy { query in
                map.row(head: 0, query: query).dropFirst(query + 1).allSatisfy { $0 == 0 }
            }
        }
        let causal = try PromptAttention(TinyModel("decoder").generation, prompt: "abcdef", target: "gh")
        #expect(causal.parts[0].queries == ["a", "b", "c", "d", "e", "f", "g", "h"])
        #expect(laterIsZero(causal.parts[0].layers[0], from: 0))
        let prefix = try PromptAttention(TinyModel("prefix_decoder").generation, prompt: "ab[MASK]d", target: "xy")
        #expect(prefix.parts[0].queries == ["a", "b", "<mask>", "d", "<bos>", "x", "y"])
        let map = prefix.parts[0].layers[0]
        #expect(laterIsZero(map, from: 4) && map.row(head: 0, query: 0).prefix(4).allSatisfy { $0 > 0 })
        #expect(map.row(head: 0, query: 0).dropFirst(4).allSatisfy { $0 == 0 })
    }

    /// Two layers of two positions, multiplied by hand: ½A + ½I of the layers are (¾ ¼; 0 1) and (½ ½; ½ ½).
    @Test func rolloutIsTheProductOfLayers() {
        let first = AttentionMap(heads: 2, queries: 2, keys: 2, probabilities: [1, 0, 0, 1, 0, 1, 0, 1])
        let second = AttentionMap(heads: 1, queries: 2, keys: 2, probabilities: [0, 1, 1, 0])
        #expect(attentionRollout([first, second]) == [0.375, 0.625, 0.375, 0.625])
        #expect(attentionRollout([second, first]) == [0.5, 0.5, 0.5, 0.5])
    }

    /// The queries are <bos> and two tokens, the keys three tokens and <eos>; the end token is no candidate.
    @Test func alignmentIsTheLargestMean() {
        let map = AttentionMap(
            heads: 1, queries: 3, keys: 4,
            probabilities: [1, 0, 0, 0, 0.1, 0.1, 0.2, 0.6, 0.5, 0.2, 0.2, 0.1])
        let alignment = Alignment([map, map], targets: ["x", "y"], sources: ["a", "b", "c"])
        #expect(alignment.links.map(\.source) == [0, 2])
        #expect(alignment.inOrder == (1, 1))
        #expect(
            alignment.lines == [
                "x → a  1.00", "y → c  0.20", "1 of 1 neighbouring target tokens are in the order of the source",
            ])
    }

    /// Texts that would break out of the page or the drawing stay text, and both remain well-formed XML.
    @Test(arguments: ["</script><b>&", "'\"><svg/on=x>", "\u{0}\u{202E}]]>", "<!--"])
    func hostileTextsStayText(text: String) throws {
        let attention = try PromptAttention(TinyModel("decoder").generation, prompt: text, target: nil)
        for page in [attention.html, attention.svg] {
            #expect(
                !page.contains("<script") && !page.contains("<b>") && !page.contains("<svg/") && !page.contains("<!--"))
            #expect(!page.unicodeScalars.contains { $0 == "\u{202E}" || $0 == "\u{0}" })
            #expect(page.count(of: "<svg") == page.count(of: "</svg>"))
            #expect(page.count(of: "<text") == page.count(of: "</text>"))
            #expect(
                page.count(of: "<rect") == page.count(of: "</rect>") + page.count(of: "/><!") + emptyRectangles(page))
        }
        #expect(attention.html.contains("default-src 'none'"))
        #expect(try JSON(parsing: Array(attention.json.line.utf8), source: "json")["prompt"] == .string(text))
    }

    private func emptyRectangles(_ page: String) -> Int {
        page.components(separatedBy: "<rect").dropFirst().count { $0.prefix { $0 != ">" }.hasSuffix("/") }
    }

    @Test func refusals() throws {
        let model = try TinyModel("decoder")
        expectFailure(.usage, "--prompt has 17 tokens; the model's limit is 16") {
            _ = try PromptAttention(model.generation, prompt: String(repeating: "a", count: 17), target: nil)
        }
        expectFailure(.usage, "has 18 tokens; the model's limit is 16") {
            _ = try PromptAttention(model.generation, prompt: "a", target: String(repeating: "a", count: 17))
        }
        expectFailure(.usage, "--prompt is empty") {
            _ = try PromptAttention(model.generation, prompt: "", target: nil)
        }
        let encoder = try TinyModel("encoder")
        expectFailure(.usage, "cannot have a target") {
            _ = try PromptAttention(encoder.generation, prompt: "a", target: "b")
        }
    }

    private func expectRowsSumToOne(_ values: [Float], columns: Int, _ what: String) {
        let sums = stride(from: 0, to: values.count, by: columns).map { values[$0..<$0 + columns].reduce(0, +) }
        expectClose(sums, [Double](repeating: 1, count: sums.count), absolute: 1e-5, what)
    }
}

extension String {
    fileprivate func count(of part: String) -> Int { components(separatedBy: part).count - 1 }
}
