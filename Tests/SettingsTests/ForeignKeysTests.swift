import Failures
import Optimizers
import Testing

@testable import Settings

/// Option names of other training programs lead to dtrain's keys.
struct ForeignKeysTests {
    private func message(_ body: () throws(Failure) -> Configuration) -> String {
        do throws(Failure) {
            _ = try body()
            return "no failure"
        } catch {
            return error.exitCode == .usage ? error.message : "exit \(error.exitCode.rawValue)"
        }
    }

    @Test func rowsNameKeysAndWordsAreUnique() {
        let paths = Configuration.keys.map(\.path)
        for row in ForeignKeys.rows { #expect(paths.contains(row.key), "\(row.key)") }
        let words = ForeignKeys.rows.flatMap(\.names)
        #expect(Set(words).count == words.count)
        // A name of a dtrain key means that key.
        #expect(Set(words).isDisjoint(with: Configuration.keys.map(\.name)))
        let groupKeys = ParameterGroup.keys.map(\.name)
        #expect(ForeignKeys.groupRows.allSatisfy { groupKeys.contains($0.key) })
    }

    @Test(arguments: [
        ("lr", "schedule.peak (the highest learning rate)"), ("learning_rate", "schedule.peak"),
        ("batch_size", "batch.sequences (sequences per step, of the whole job)"),
        ("epochs", "training.steps (in steps: epochs × sequences of the dataset / batch.sequences)"),
        ("max_steps", "training.steps"), ("n_layer", "model.layers"), ("n_head", "model.heads"),
        ("n_embd", "model.width"), ("block_size", "data.context_length (in tokens)"), ("hidden_size", "model.width"),
        ("warmup", "schedule.warmup_steps (in steps)"), ("bf16", "precision (bfloat16 instead of"),
        ("fp16", "precision (bfloat16 instead of"),
        ("min_lr", "schedule.floor"), ("num_layers", "model.layers"), ("d_model", "model.width"),
        ("ffn_dim", "model.feed_forward_width"), ("grad_clip", "optimizer.clip_norm"),
        ("max_grad_norm", "optimizer.clip_norm"), ("gradient_accumulation_steps", "batch.slots (micro-batches"),
        ("eval_interval", "training.evaluate_every"), ("save_steps", "training.checkpoint_every"),
        ("out_dir", "run.directory"), ("vocab_size", "model.vocabulary_size"),
        ("num_attention_heads", "model.heads"), ("n_positions", "data.context_length"), ("max_iters", "training.steps"),
        ("beta1", "optimizer.betas (a list of both)"), ("learningRate", "schedule.peak"),
        ("batch-size", "batch.sequences"),
        ("LR", "schedule.peak"), ("--max-steps", "training.steps"), ("warmup_ratio", "not as a fraction"),
    ])
    func foreignNamesSuggestKeys(word: String, expected: String) {
        let hint = "; dtrain's key for it is \(expected.hasPrefix("not") ? "schedule.warmup_steps" : expected)"
        for place in [word, "optimizer.\(word)", "training.\(word)", "model.\(word)", "trainer.args.\(word)"] {
            let set = message { () throws(Failure) in try Configuration.load(file: nil, sets: ["\(place)=1"]) }
            #expect(set.hasPrefix("--set \(place)=1: unknown key \(place)") && set.contains(hint), "\(set)")
            #expect(set.contains(expected), "\(set)")
        }
        let top = message { () throws(Failure) in try Configuration.parse("\"\(word)\": 1", name: "c.yaml") }
        #expect(top.hasPrefix("c.yaml:1:1: unknown key \(word)") && top.contains(hint), "\(top)")
        let inside = message { () throws(Failure) in
            try Configuration.parse("optimizer:\n  \"\(word)\": 1", name: "c.yaml")
        }
        #expect(inside.hasPrefix("c.yaml:2:3: unknown key optimizer.\(word)") && inside.contains(hint), "\(inside)")
    }

    /// A dtrain key in the wrong section or at the top level.
    @Test(arguments: [
        ("seed", "the nearest is run.seed"), ("weight_decay", "the nearest is optimizer.weight_decay"),
        ("training.dropout", "the nearest is model.dropout"), ("optimizer.warmup_steps", "schedule.warmup_steps"),
        ("optimizer.floor", "the nearest is schedule.floor or loss_scale.floor"),
    ])
    func misplacedKeysSuggestSections(path: String, expected: String) {
        let found = message { () throws(Failure) in try Configuration.load(file: nil, sets: ["\(path)=1"]) }
        #expect(found.contains(expected), "\(found)")
    }

    @Test func foreignNamesSuggestGroupKeys() {
        let text = "optimizer: {groups: [{names: a, lr: 0.1}]}"
        let found = message { () throws(Failure) in try Configuration.parse(text, name: "c.yaml") }
        #expect(found.contains("found lr") && found.hasSuffix("the nearest is learning_rate_scale"), "\(found)")
    }
}
