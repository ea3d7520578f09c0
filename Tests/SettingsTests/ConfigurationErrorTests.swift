import Failures
import Testing

@testable import Settings

/// The error message for an invalid configuration file.
private func message(of text: String) -> String {
    message { () throws(Failure) in try Configuration.parse(text, name: "c.yaml") }
}

private func message(ofSet set: String...) -> String {
    message { () throws(Failure) in try Configuration.load(file: nil, sets: set) }
}

private func message(_ body: () throws(Failure) -> Configuration) -> String {
    do throws(Failure) {
        _ = try body()
        return "no failure"
    } catch {
        return error.exitCode == .usage ? error.message : "exit \(error.exitCode.rawValue): \(error.message)"
    }
}

@Suite struct ConfigurationErrorTests {
    @Test(arguments: [
        // Unknown keys and sections.
        ("model:\n  layer: 7", "c.yaml:2:3: unknown key model.layer; the nearest is model.layers"),
        ("modle: {layers: 2}", "c.yaml:1:1: unknown key modle; the nearest is model"),
        ("precison: float32", "c.yaml:1:1: unknown key precison; the nearest is precision"),
        ("layers: 2", "c.yaml:1:1: unknown key layers; the nearest is model.layers"),
        ("model.layers: 2", "c.yaml:1:1: unknown key model.layers; write layers inside the section model"),
        ("batch:\n  zzzzzz: 1", "c.yaml:2:3: unknown key batch.zzzzzz; allowed in batch: sequences, slots"),
        (
            "zzzzzz: 1",
            "unknown key zzzzzz; allowed: run, data, model, objective, augmentation, fine_tuning, batch, optimizer, schedule,"
        ),
        ("\"a\\eb\": 1", "unknown key a\\u{1B}b; allowed"),
        ("'': 1", "c.yaml:1:1: unknown key \"\"; allowed: run"),
        // Wrong types.
        ("- 1", "c.yaml:1:1: found [1]; allowed: a mapping of run, data"),
        ("text", "c.yaml:1:1: found text; allowed: a mapping of run, data"),
        ("model: 5", "c.yaml:1:8: model: found 5; allowed: a mapping of family, layers, decoder_layers"),
        ("model:\ndata: {}", "c.yaml:1:7: model: found nothing; allowed: a mapping of family"),
        ("precision: {}", "c.yaml:1:12: precision: found a mapping; allowed: float32, float16"),
        (
            "model: {layers: \"5\"}",
            "c.yaml:1:17: model.layers: found the text \"5\"; allowed: a whole number from 1 to 1024"
        ),
        ("model: {layers: 5.0}", "model.layers: found 5.0; allowed: a whole number"),
        ("model: {layers: 1e2}", "model.layers: found 1e2; allowed: a whole number"),
        ("model: {layers: 1_0}", "model.layers: found 1_0; allowed: a whole number"),
        ("model: {layers: 0x10}", "model.layers: found 0x10; allowed: a whole number"),
        ("model: {layers: [4]}", "model.layers: found [4]; allowed: a whole number"),
        ("model: {layers: true}", "model.layers: found true; allowed: a whole number"),
        ("model:\n  layers:\n  heads: 4", "c.yaml:2:10: model.layers: found nothing; allowed: a whole number"),
        ("model: {bias: yes}", "c.yaml:1:15: model.bias: found yes; allowed: true or false"),
        ("model: {bias: 1}", "model.bias: found 1; allowed: true or false"),
        ("model: {bias: \"true\"}", "model.bias: found the text \"true\"; allowed: true or false"),
        ("model: {dropout: much}", "model.dropout: found much; allowed: a number from 0 to below 1"),
        ("model: {dropout: 0x1p-1}", "model.dropout: found 0x1p-1; allowed: a number"),
        ("model: {dropout: 1_0.0}", "model.dropout: found 1_0.0; allowed: a number"),
        ("model: {dropout: '0.5'}", "model.dropout: found the text \"0.5\"; allowed: a number"),
        ("model: {dropout: .}", "model.dropout: found .; allowed: a number"),
        ("model: {dropout: 1e}", "model.dropout: found 1e; allowed: a number"),
        ("optimizer:\n  betas: 0.9", "c.yaml:2:10: optimizer.betas: found 0.9; allowed: a list of 2 numbers"),
        ("optimizer: {betas: [0.9]}", "optimizer.betas: found [0.9]; allowed: a list of 2 numbers"),
        ("optimizer: {betas: [0.9, 0.9, 0.9]}", "found [0.9, 0.9, 0.9]; allowed: a list of 2 numbers"),
        ("optimizer: {betas: [0.9, x]}", "c.yaml:1:26: optimizer.betas: found x; allowed: a list of 2 numbers"),
        ("run: {directory: }", "run.directory: found nothing; allowed: a path of 1 to 4095 bytes"),
        ("run: {directory: ~}", "run.directory: found ~; allowed: a path"),
        ("run: {directory: \"a\\0b\"}", "run.directory: found the text \"a\\u{0}b\"; allowed: a path"),
        ("run: {directory: [a]}", "run.directory: found [a]; allowed: a path"),
        // Lists.
        (
            "optimizer: {groups: {}}",
            "optimizer.groups: found a mapping; allowed: a list of mappings, each with names and"
        ),
        ("optimizer: {groups: [a]}", "c.yaml:1:22: optimizer.groups: found a; allowed: a list of mappings"),
        ("optimizer: {groups: [{l1: 1}]}", "optimizer.groups: found a mapping without names; allowed: a list"),
        ("optimizer: {groups: [{}]}", "c.yaml:1:22: optimizer.groups: found a mapping without names; allowed: a list"),
        ("optimizer: {groups: [{name: a}]}", "c.yaml:1:23: optimizer.groups: found name; allowed: a list"),
        ("optimizer: {groups: [{name: a}]}", "; the nearest is names"),
        ("optimizer: {groups: [{names: a, l1: -1}]}", "c.yaml:1:37: optimizer.groups: found -1; allowed: a list"),
        ("optimizer: {freeze: [{}]}", "optimizer.freeze: found a mapping; allowed: a pattern of names"),
        // Choices.
        (
            "schedule: {kind: cosin}",
            "schedule.kind: found cosin; allowed: constant, linear, cosine, inverse_square_root, "
        ),
        ("schedule: {kind: cosin}", "noam; the nearest is cosine"),
        ("schedule: {kind: zzzzzz}", "c.yaml:1:18: schedule.kind: found zzzzzz; allowed: constant"),
        ("precision: float64", "c.yaml:1:12: precision: found float64; allowed: float32, float16"),
        ("precision: Float32", "precision: found Float32; allowed: float32, float16, bfloat16; the nearest is float32"),
        // Out of range.
        ("model: {layers: 0}", "model.layers: found 0; allowed: a whole number from 1 to 1024"),
        ("threads: 0", "c.yaml:1:10: threads: found 0; allowed: auto, or a whole number from 1 to 1024"),
        ("threads: -2", "threads: found -2; allowed: auto, or a whole number from 1 to 1024"),
        ("threads: 1025", "threads: found 1025; allowed: auto, or"),
        ("threads: many", "threads: found many; allowed: auto, or"),
        ("threads: '2'", "threads: found the text \"2\"; allowed: auto, or"),
        ("threads: 1.5", "threads: found 1.5; allowed: auto, or"),
        ("threads:", "threads: found nothing; allowed: auto, or"),
        ("model: {layers: -1}", "model.layers: found -1; allowed: a whole number from 1 to 1024"),
        ("model: {layers: 99999999999999999999}", "model.layers: found 99999999999999999999; allowed"),
        ("model: {dropout: 1}", "model.dropout: found 1; allowed: a number from 0 to below 1"),
        ("model: {dropout: 0.9999999999}", "model.dropout: found 0.9999999999; allowed"),
        ("model: {dropout: -0.1}", "model.dropout: found -0.1; allowed"),
        ("model: {dropout: .nan}", "model.dropout: found .nan; allowed: a number"),
        ("model: {dropout: nan}", "model.dropout: found nan; allowed: a number"),
        ("optimizer: {weight_decay: .inf}", "optimizer.weight_decay: found .inf; allowed: a number"),
        ("optimizer: {clip_norm: 1e999}", "optimizer.clip_norm: found 1e999; allowed: a number"),
        ("optimizer: {epsilon: 0}", "optimizer.epsilon: found 0; allowed: a number from 1e-30 to 1"),
        ("optimizer: {epsilon: 1e-400}", "optimizer.epsilon: found 1e-400; allowed"),
        ("optimizer: {betas: [0.9, 1]}", "c.yaml:1:26: optimizer.betas: found 1; allowed: a list of 2 numbers, each"),
        ("optimizer: {betas: [-0.9, 0.9]}", "optimizer.betas: found -0.9; allowed"),
        ("schedule: {peak: -1}", "schedule.peak: found -1; allowed: a number from 0 to 100"),
        ("data: {context_length: 0}", "data.context_length: found 0; allowed: a whole number from 1 to 131072"),
        ("batch: {slots: 0}", "batch.slots: found 0; allowed: a whole number from 1"),
        ("training: {steps: -5}", "training.steps: found -5; allowed: a whole number from 1"),
        ("training: {keep_last: 0}", "training.keep_last: found 0; allowed: a whole number from 1"),
        ("training: {evaluate_every: 0}", "training.evaluate_every: found 0; allowed: a whole number from 1"),
        ("run: {seed: -1}", "run.seed: found -1; allowed: a whole number from 0 to 9223372036854775807"),
        ("averaging: {bucket_bytes: 1}", "averaging.bucket_bytes: found 1; allowed: auto, or a whole number from 1024"),
        ("loss_scale: {hysteresis: 0}", "loss_scale.hysteresis: found 0; allowed: a whole number from 1"),
    ])
    func rejectsUnknownKeysAndInvalidValues(text: String, expected: String) {
        let message = message(of: text)
        #expect(message.contains(expected), "\(message)")
    }

    @Test(arguments: [
        (
            "model:\n  width: 384\n  heads: 7",
            "c.yaml:3:10: model.heads: found 7; allowed: a divisor of model.width (384): 1, 2, 3, 4, 6, 8, 12, …"
        ),
        (
            "model:\n  width: 127",
            "c.yaml:2:10: model.heads: found 4 (the default); allowed: a divisor of model.width (127): 1, 127"
        ),
        (
            "batch:\n  sequences: 10",
            "c.yaml:2:14: batch.sequences: found 10; allowed: a multiple of batch.slots (4), such as 8 or 12"
        ),
        (
            "batch:\n  slots: 64",
            "c.yaml:2:10: batch.sequences: found 16 (the default); allowed: a multiple of batch.slots (64), such as 64"
        ),
        (
            "schedule:\n  warmup_steps: 1201",
            "c.yaml:2:17: schedule.warmup_steps: found 1201; allowed: at most training.steps (1200)"
        ),
        (
            "schedule:\n  floor: 4e-3",
            "c.yaml:2:10: schedule.floor: found 0.004; allowed: at most schedule.peak (0.002)"
        ),
        (
            "schedule: {peak: 0, floor: 1e-4}",
            "c.yaml:1:28: schedule.floor: found 0.0001; allowed: at most schedule.peak (0)"
        ),
        (
            "schedule: {kind: inverse_square_root, warmup_steps: 0}",
            "schedule.warmup_steps: found 0; allowed: at least 1"
        ),
        (
            "schedule: {decay_steps: 5}",
            "c.yaml:1:25: schedule.decay_steps: found 5; allowed: 0 (the default) if schedule.kind is cosine; only warmup_stable"
        ),
        (
            "schedule: {kind: warmup_stable_decay}",
            "c.yaml:1:18: schedule.decay_steps: found 0 (the default); allowed: 1 to 1140: training.steps (1200) − "
        ),
        (
            "schedule: {kind: warmup_stable_decay, decay_steps: 1141, warmup_steps: 60}",
            "c.yaml:1:52: schedule.decay_steps: found 1141; allowed: 1 to 1140: training.steps (1200) − schedule.warmup_steps (60)"
        ),
        (
            "schedule: {kind: warmup_stable_decay, decay_steps: 1201}",
            "c.yaml:1:52: schedule.decay_steps: found 1201; allowed: 1 to 1200: training.steps (1200) − schedule.warmup_steps (0)"
        ),
        (
            "schedule: {kind: noam, decay_steps: 1200}",
            "schedule.decay_steps: found 1200; allowed: 0 (the default) if schedule.kind is noam; only warmup_stable"
        ),
        (
            "schedule: {kind: warmup_stable_decay, decay_steps: 1, warmup_steps: 1200}",
            "schedule.decay_steps: found 1; allowed: none, because schedule.warmup_steps (1200) equals training.steps"
        ),
        (
            "schedule: {kind: step}",
            "c.yaml:1:18: schedule.step_size: found 0 (the default); allowed: at least 1 if schedule.kind is step and "
        ),
        (
            "schedule: {kind: step, step_size: 5, milestones: [7]}",
            "c.yaml:1:35: schedule.step_size: found 5; allowed: 0 if schedule.milestones is set"
        ),
        ("schedule: {kind: step, milestones: [7, 7]}", "c.yaml:1:40: schedule.milestones: found 7; allowed: a list of"),
        (
            "schedule: {power: 2}",
            "schedule.power: found 2.0; allowed: 1.0 (the default) if schedule.kind is cosine; only polynomial uses it"
        ),
        (
            "optimizer:\n  kind: sgd\n  alpha: 0.5",
            "c.yaml:3:10: optimizer.alpha: found 0.5; allowed: 0.99 (the default) if optimizer.kind is sgd; only rmsprop"
        ),
        (
            "optimizer: {kind: sgd, groups: [{names: a, weight_decay: 0.2}]}",
            "optimizer.groups: found [{names: [\"a\"], weight_decay: 0.2}]; allowed: groups without weight_decay if"
        ),
        (
            "optimizer: {kind: sgd, weight_decay: 0.2}",
            "if optimizer.kind is sgd; only adamw, lion use it; use optimizer.l2 with the others"
        ),
        (
            "schedule: {kind: noam, peak: 1, floor: 0.1}",
            "schedule.floor: found 0.1; allowed: at most the highest learning rate of noam (0.0114"
        ),
        ("loss_scale: {initial: 1000}", "c.yaml:1:23: loss_scale.initial: found 1000.0; allowed: a power of two"),
        ("loss_scale: {ceiling: 3}", "c.yaml:1:23: loss_scale.ceiling: found 3.0; allowed: a power of two"),
        (
            "loss_scale: {ceiling: 32768}",
            "loss_scale.ceiling: found 32768.0; allowed: at least loss_scale.initial (65536)"
        ),
        ("loss_scale: {floor: 3}", "loss_scale.floor: found 3.0; allowed: a power of two"),
        (
            "loss_scale: {floor: 131072}",
            "loss_scale.floor: found 131072.0; allowed: at most loss_scale.initial (65536)"
        ),
        (
            "model: {layers: 1024, heads: 1024, width: 65536}\ndata: {context_length: 131072}\nbatch: {sequences: 1048576}",
            "c.yaml:3:20: batch.sequences: found 1048576; allowed: fewer, with smaller data.context_length (131072)"
        ),
        (
            "model:\n  heads: 8\n  kv_heads: 3",
            "c.yaml:3:13: model.kv_heads: found 3; allowed: a divisor of model.heads (8): 1, 2, 4, 8, or 0 for the same number"
        ),
        (
            "model: {kv_heads: 8}",
            "model.kv_heads: found 8; allowed: a divisor of model.heads (4): 1, 2, 4, or 0 for the same number"
        ),
        (
            "model: {width: 12, heads: 4, positions: rotary}",
            "model.positions: found rotary; allowed: rotary if model.width / model.heads (3) is even"
        ),
        (
            "model: {family: image_classifier, positions: sinusoidal}",
            "model.positions: found sinusoidal; allowed: learned, rotary, relative, alibi or none if model.family is image_class"
        ),
        (
            "model: {family: image_classifier, positions: sinusoidal_halves}",
            "model.positions: found sinusoidal_halves; allowed: learned, rotary, relative, alibi or none"
        ),
        (
            "model: {decoder_layers: 2}",
            "model.decoder_layers: found 2; allowed: 0 (the default) if model.family is decoder; only encoder_decoder uses it"
        ),
        (
            "model: {family: classifier, head: transform}",
            "model.head: found transform; allowed: linear (the default) if model.family is classifier; only decoder, encoder"
        ),
        (
            "model: {family: encoder}\nobjective: {kind: causal}",
            "c.yaml:2:19: objective.kind: found causal; allowed: auto, masked if model.family is encoder"
        ),
        (
            "model: {family: classifier}\nobjective: {kind: masked}",
            "objective.kind: found masked; allowed: auto, classification, multi_label, regression if model.family is"
        ),
        (
            "objective: {kind: sequence_to_sequence}",
            "objective.kind: found sequence_to_sequence; allowed: auto, causal, chat if model.family is decoder"
        ),
        (
            "model: {family: classifier}\nobjective: {kind: regression, label_smoothing: 0.1}",
            "c.yaml:2:48: objective.label_smoothing: found 0.1; allowed: 0.0 (the default) if objective.kind is regression; only auto, classification use it"
        ),
        (
            "model: {family: classifier}\nobjective: {kind: multi_label, label_smoothing: 0.1}",
            "objective.label_smoothing: found 0.1; allowed: 0.0 (the default) if objective.kind is multi_label; only auto"
        ),
        (
            "model: {family: encoder}\ndata: {separate_documents: true}",
            "c.yaml:2:28: data.separate_documents: found true; allowed: false (the default) if model.family is encoder; only decoder"
        ),
        (
            "augmentation: {token_dropping: 0.1}",
            "augmentation.token_dropping: found 0.1; allowed: 0.0 (the default) if model.family is decoder; only encoder_d"
        ),
        (
            "model: {family: image_classifier}\naugmentation: {token_masking: 0.1}",
            "c.yaml:2:31: augmentation.token_masking: found 0.1; allowed: 0.0 (the default) if model.family is image_classifier"
        ),
        (
            "augmentation: {token_dropping: 0.6, token_masking: 0.4}\nmodel: {family: classifier}",
            "augmentation.token_masking: found 0.4; allowed: less than 0.4: 1 − augmentation.token_dropping (0.6)"
        ),
        (
            "model: {family: classifier}\naugmentation: {shift: 1}",
            "augmentation.shift: found 1; allowed: 0 (the default) if model.family is classifier; only image_classifier uses"
        ),
        (
            "model: {family: encoder}\naugmentation: {flip: true}",
            "augmentation.flip: found true; allowed: false (the default) if model.family is encoder; only image_classifier"
        ),
        (
            "model: {family: encoder}\ntraining: {tasks: [q.jsonl]}",
            "c.yaml:2:19: training.tasks: found [\"q.jsonl\"]; allowed: [] (the default) if model.family is encoder"
        ),
        (
            "training: {metric: validation_exact_match}",
            "validation_accuracy if the objective is causal; a metric of questions needs training.tasks"
        ),
        (
            "augmentation: {crop: 0.5}",
            "augmentation.crop: found 0.5; allowed: 1.0 (the default) if model.family is decoder; only image_classifier"
        ),
    ])
    func rejectsContradictoryValues(text: String, expected: String) {
        let message = message(of: text)
        #expect(message.contains(expected), "\(message)")
    }

    @Test func errorsNameTheSetOption() {
        for (set, expected) in [
            (
                "model.heads=7",
                "--set model.heads=7: model.heads: found 7; allowed: a divisor of model.width (128): 1, 2, 4"
            ),
            ("model.layers=0", "--set model.layers=0: model.layers: found 0; allowed: a whole number from 1 to 1024"),
            ("model.layers='4'", "--set model.layers='4': model.layers: found the text \"4\"; allowed"),
            ("model.layers=", "--set model.layers=: model.layers: found nothing; allowed"),
            ("model.layers= ", "model.layers: found the text \" \"; allowed"),
            ("model.layers=[", "--set model.layers=[: not valid YAML: found no value; allowed: text, a number"),
            ("model.layers=&a 4", "--set model.layers=&a 4: found an anchor; allowed"),
            ("model.layers=#4", "--set model.layers=#4: found nothing"),
            ("run.directory=", "--set run.directory=: run.directory: found nothing; allowed: a path"),
            ("model.layer=7", "--set model.layer=7: unknown key model.layer; the nearest is model.layers"),
            ("modle.heads=7", "--set modle.heads=7: unknown key modle.heads; the nearest is model.heads"),
            ("heads=7", "--set heads=7: unknown key heads; the nearest is model.heads"),
            ("batch=7", "--set batch=7: batch is a section; allowed: batch.sequences, batch.slots"),
            ("model.heads", "--set model.heads: found no KEY=; allowed: KEY.PATH=VALUE"),
            ("=7", "--set =7: found no KEY="),
            ("", "--set : found no KEY="),
            (".=7", "--set .=7: unknown key .; "),
            ("a.b.c=7", "--set a.b.c=7: unknown key a.b.c; "),
            (
                "schedule.warmup_steps=1201",
                "--set schedule.warmup_steps=1201: schedule.warmup_steps: found 1201; allowed: at most training.steps (1200)"
            ),
        ] {
            let message = message(ofSet: set)
            #expect(message.hasPrefix(expected) || message.contains(": \(expected)"), "\(message)")
        }
        #expect(
            message(ofSet: "model.layers=2", "model.layers=x", "model.layers=3").hasPrefix("--set model.layers=x: "))
    }

    @Test func errorPointsToEffectiveValue() throws {
        let failure = #expect(throws: Failure.self) {
            var reader = ConfigurationReader()
            try reader.apply(Array("model:\n  heads: 8\n".utf8), name: "c.yaml")
            try reader.apply(set: "model.width=100")
            return try reader.checked()
        }
        #expect(
            failure?.message.hasPrefix("c.yaml:2:10: model.heads: found 8; allowed: a divisor of model.width (100)")
                == true)
    }
}
