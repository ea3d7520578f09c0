import Texts

/// The names of dtrain's keys in other trainers: nanoGPT and llm.c, Hugging Face's arguments and model configurations,
/// fairseq, Megatron and PyTorch.
enum ForeignKeys {
    /// A key of dtrain and its other names.
    struct Row: Sendable {
        /// The path of dtrain's key.
        let key: String
        /// How the value of dtrain's key differs from the value under the other names; nil: not at all.
        let note: String?
        /// The other names, in lower case with underscores.
        let names: [String]

        init(_ key: String, _ note: String?, _ names: String) {
            (self.key, self.note) = (key, note)
            self.names = names.exactParts(at: " ", omittingEmpty: true)
        }
    }

    /// The row of `name` in any capitalization and word separation: `learningRate`, `learning-rate`.
    static func row(of name: String) -> Row? {
        let word = normalized(name)
        return rows.first { row in row.names.contains { $0.utf8.elementsEqual(word.utf8) } }
    }

    private static func normalized(_ name: String) -> String {
        var word: [UInt8] = []
        var previous: UInt8?
        for byte in name.utf8.prefix(128) {
            let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            let followsLower = previous.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) } ?? false
            if isUpper, followsLower { word.append(UInt8(ascii: "_")) }
            word.append(byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : isUpper ? byte + 32 : byte)
            previous = byte
        }
        return String(decoding: word.drop { $0 == UInt8(ascii: "_") }, as: UTF8.self)
    }

    /// The other names of the keys of a parameter group, for entries of `optimizer.groups`.
    static let groupRows = [
        Row("names", nil, "params param name pattern patterns parameters"),
        Row("learning_rate_scale", nil, "lr learning_rate lr_scale lr_mult lr_factor lr_multiplier"),
        Row("weight_decay", nil, "wd decay"),
    ]

    /// All rows of configuration keys.
    static let rows = runRows + dataRows + modelRows + objectiveRows + updateRows + trainingRows

    private static let runRows = [
        Row(
            "run.directory", nil,
            "out_dir output_dir save_dir run_dir log_dir logging_dir checkpoint_dir ckpt_dir work_dir workdir exp_dir "
                + "experiment_dir output_directory"),
        Row("run.seed", nil, "random_seed rng_seed manual_seed torch_seed data_seed"),
        Row(
            "precision", "bfloat16 instead of bf16: true, float16 instead of fp16: true",
            "fp16 bf16 dtype torch_dtype mixed_precision amp use_amp half fp32 tf32 param_dtype autocast"),
        Row("threads", "threads of one rank", "num_threads n_threads nthreads cpu_threads omp_num_threads"),
        Row("averaging.strategy", nil, "ddp_backend distributed_backend backend"),
        Row("averaging.bucket_bytes", "in bytes", "bucket_cap_mb ddp_bucket_cap_mb ddp_bucket_size bucket_size"),
        Row("loss_scale.initial", nil, "initial_loss_scale fp16_init_scale init_scale"),
        Row("loss_scale.initial", "the scale itself, not its exponent", "initial_scale_power"),
        Row("loss_scale.growth_interval", "in steps", "loss_scale_window fp16_scale_window scale_window"),
        Row("loss_scale.floor", nil, "min_loss_scale min_scale"),
        Row(
            "fine_tuning.from", "a checkpoint; to continue a run, the option --resume",
            "init_from resume_from_checkpoint resume resume_from load_dir load_checkpoint pretrained from_pretrained "
                + "model_name_or_path finetune_from finetune_from_model restore_file init_checkpoint pretrained_model"),
        Row(
            "fine_tuning.lora", "a mapping {rank, alpha, dropout, targets}",
            "lora_rank lora_r lora_alpha lora_dropout lora_targets target_modules lora_target_modules peft_config"),
    ]

    private static let dataRows = [
        Row(
            "data.directory", "a directory that dtrain prepare made, or one with .bin files of tokens",
            "data_dir dataset data_path dataset_dir dataset_name dataset_path train_data train_file "
                + "train_files input_bin "
                + "data_root train_path data_prefix"),
        Row(
            "data.context_length", "in tokens",
            "block_size seq_len seq_length sequence_length max_seq_len max_seq_length max_sequence_length max_length "
                + "n_positions n_ctx n_context ctx_len context_size context_window max_position_embeddings "
                + "model_max_length tokens_per_sample max_source_positions max_target_positions encoder_seq_length"),
        Row("data.truncate", nil, "truncation"),
        Row(
            "data.separate_documents", nil,
            "reset_attention_mask document_mask document_attention mask_documents block_diagonal"),
        Row("data.length_pool", "in batches", "group_by_length length_grouping sortish_sampler bucketing"),
        Row(
            "batch.sequences", "sequences per step, of the whole job",
            "batch_size global_batch_size micro_batch_size train_batch_size device_batch_size mbs gbs bsz "
                + "per_device_train_batch_size per_gpu_train_batch_size max_sentences train_micro_batch_size_per_gpu"),
        Row(
            "batch.sequences", "sequences per step, not tokens: tokens / data.context_length",
            "total_batch_size max_tokens tokens_per_batch max_tokens_per_batch batch_tokens desired_batch_size"),
        Row(
            "batch.slots",
            "micro-batches per step of the whole job; each rank accumulates the gradients of its micro-batches",
            "gradient_accumulation_steps grad_accum_steps grad_accum accumulate_grad_batches gradient_accumulation "
                + "update_freq accum_steps accumulation_steps"),
    ]

    private static let modelRows = [
        Row("model.family", nil, "model_type arch architecture architectures model_name"),
        Row(
            "model.layers", nil,
            "n_layer n_layers nlayers num_layers num_hidden_layers n_blocks num_blocks depth encoder_layers "
                + "num_encoder_layers"),
        Row("model.decoder_layers", nil, "num_decoder_layers n_decoder_layers dec_layers"),
        Row(
            "model.heads", nil,
            "n_head n_heads nhead nheads num_heads num_attention_heads attention_heads encoder_attention_heads"),
        Row("model.decoder_heads", nil, "decoder_attention_heads"),
        Row("model.head_width", nil, "head_dim d_kv d_head head_size"),
        Row(
            "model.kv_heads", nil,
            "n_kv_head n_kv_heads num_kv_heads num_key_value_heads num_query_groups n_query_groups"),
        Row(
            "model.width", nil,
            "n_embd n_embed d_model hidden_size hidden_dim embed_dim embedding_dim emb_dim model_dim dim embed_size "
                + "encoder_embed_dim decoder_embed_dim"),
        Row(
            "model.feed_forward_width", nil,
            "ffn_dim d_ff dff intermediate_size ffn_hidden_size n_inner mlp_dim dim_feedforward ffn_embed_dim "
                + "encoder_ffn_dim encoder_ffn_embed_dim"),
        Row("model.decoder_feed_forward_width", nil, "decoder_ffn_dim decoder_ffn_embed_dim"),
        Row(
            "model.feed_forward_width", "the width itself, not its ratio to model.width",
            "mlp_ratio ffn_mult ffn_dim_multiplier"),
        Row("model.vocabulary_size", "0: the dataset's", "vocab_size n_vocab vocab padded_vocab_size nvocab"),
        Row(
            "model.normalization", "layer, rms or rms_offset",
            "norm norm_type normalization_type layer_norm layernorm rms_norm rmsnorm use_rms_norm"),
        Row(
            "model.normalization_epsilon", nil,
            "layer_norm_eps layer_norm_epsilon layernorm_epsilon rms_norm_eps norm_eps norm_epsilon"),
        Row(
            "model.placement", "pre, post or sandwich",
            "pre_norm post_norm norm_first normalize_before encoder_normalize_before decoder_normalize_before prenorm "
                + "postnorm apply_residual_connection_post_layernorm"),
        Row(
            "model.positions", "learned, sinusoidal, sinusoidal_halves, rotary, relative, alibi or none",
            "position_embedding_type position_embedding pos_emb pos_embd pos_embedding positional_encoding "
                + "pos_encoding "
                + "position_encoding rope use_rope alibi use_alibi rotary"),
        Row("model.rotary_base", nil, "rope_theta rope_base rotary_theta rope_freq_base"),
        Row("model.rotary_share", nil, "rotary_pct partial_rotary_factor rotary_percent"),
        Row("model.rotary_scaling", "none, linear, dynamic or llama3", "rope_scaling rope_type"),
        Row("model.query_key_normalization", nil, "qk_norm use_qk_norm qk_layernorm"),
        Row("model.parallel_blocks", nil, "use_parallel_residual parallel_residual parallel_attn"),
        Row("model.activation", nil, "activation_function activation_fn hidden_act act act_fn act_layer nonlinearity"),
        Row(
            "model.dropout", nil,
            "resid_pdrop resid_dropout residual_dropout hidden_dropout hidden_dropout_prob dropout_rate "
                + "dropout_p p_dropout"
        ),
        Row("model.embedding_dropout", nil, "embd_pdrop embd_dropout emb_dropout embed_dropout"),
        Row("model.attention_dropout", nil, "attn_pdrop attn_dropout attention_probs_dropout_prob"),
        Row(
            "model.tie_embeddings", nil,
            "tie_word_embeddings tie_weights weight_tying share_decoder_input_output_embed share_input_output_embed"),
        Row("model.tie_embeddings", "the opposite", "untie_embeddings_and_output_weights untie_embeddings"),
        Row("model.share_embeddings", nil, "share_all_embeddings share_encoder_decoder_embeddings"),
        Row("model.scale_embeddings", nil, "scale_embedding scale_emb embed_scale"),
        Row("model.normalize_embeddings", nil, "layernorm_embedding normalize_embedding embedding_layernorm"),
        Row("model.bias", nil, "use_bias add_bias_linear linear_bias qkv_bias"),
        Row("model.feed_forward_bias", "same, none or all", "mlp_bias"),
        Row("model.bias", "the opposite", "disable_bias_linear no_bias"),
        Row("model.pooling", nil, "pool pooler pooling_type pooler_type pooling_mode global_pool"),
        Row("model.patch_size", nil, "patch patch_dim"),
        Row("model.initializer", nil, "init init_method weight_init initialization"),
        Row("model.initializer_std", nil, "init_std initializer_range init_method_std"),
    ]

    private static let objectiveRows = [
        Row("objective.kind", nil, "task loss criterion problem_type loss_type"),
        Row("objective.label_smoothing", nil, "label_smoothing_factor label_smooth smoothing"),
        Row(
            "objective.mask_share", nil,
            "mlm_probability mlm_prob mask_prob mask_probability masked_lm_prob mask_ratio noise_density"),
        Row("objective.span_length", "in tokens", "mean_span_length mean_noise_span_length span_len"),
        Row("objective.window", nil, "window_size"),
        Row("objective.negatives", nil, "negative negative_samples neg num_negatives ns"),
        Row("objective.subsample", nil, "sample subsampling downsample"),
        Row("augmentation.flip", nil, "hflip horizontal_flip random_flip"),
        Row("augmentation.shift", "in pixels", "translate random_shift"),
        Row("augmentation.crop", nil, "random_crop random_resized_crop crop_scale"),
        Row("augmentation.token_dropping", nil, "word_dropout token_dropout word_drop"),
    ]

    private static let updateRows = [
        Row("optimizer.kind", nil, "optim optimizer_type optimizer_name opt"),
        Row("optimizer.betas", "a list of both", "beta1 beta2 adam_beta1 adam_beta2 adam_betas b1 b2 beta"),
        Row("optimizer.epsilon", nil, "eps adam_epsilon adam_eps optimizer_eps"),
        Row("optimizer.weight_decay", nil, "wd adam_weight_decay"),
        Row(
            "optimizer.clip_norm", nil,
            "grad_clip max_grad_norm clip_grad clip_grad_norm gradient_clip gradient_clip_val "
                + "gradient_clipping max_norm "
                + "clip grad_norm_clip gradient_clip_norm grad_clip_norm clip_gradient"),
        Row("optimizer.clip_value", nil, "clip_grad_value grad_clip_value gradient_clip_value"),
        Row("optimizer.freeze", "patterns of names", "frozen freeze_layers frozen_layers freeze_parameters"),
        Row(
            "schedule.kind", nil,
            "scheduler lr_scheduler lr_scheduler_type lr_schedule lr_decay_style lr_policy decay_lr"),
        Row(
            "schedule.peak", "the highest learning rate",
            "lr learning_rate max_lr lr_max base_lr peak_lr lr_peak init_lr initial_lr adam_lr"),
        Row(
            "schedule.floor", "the lowest learning rate",
            "min_lr lr_min lr_end end_lr final_lr eta_min min_learning_rate end_learning_rate learning_rate_end"),
        Row(
            "schedule.floor", "the lowest learning rate itself, not a fraction of the peak",
            "min_lr_ratio final_lr_fraction learning_rate_decay_frac min_lr_rate final_lr_frac"),
        Row(
            "schedule.warmup_steps", "in steps",
            "warmup warmup_iters warmup_iterations warmup_updates num_warmup_steps lr_warmup_steps lr_warmup_iters "
                + "n_warmup_steps"),
        Row(
            "schedule.warmup_steps", "in steps, not as a fraction: fraction × training.steps",
            "warmup_ratio warmup_fraction lr_warmup_fraction warmup_proportion warmup_epochs"),
        Row(
            "schedule.decay_steps", "for warmup_stable_decay; other schedules end with training.steps",
            "lr_decay_iters lr_decay_steps decay_iters lr_wsd_decay_iters num_decay_steps warmdown_iters"),
        Row("schedule.power", nil, "lr_power poly_power"),
        Row("schedule.gamma", nil, "lr_gamma lr_shrink decay_rate"),
        Row("schedule.milestones", "in steps", "lr_milestones lr_steps"),
    ]

    private static let trainingRows = [
        Row(
            "training.steps", nil,
            "max_steps max_iters num_iterations train_iters total_steps num_steps num_train_steps n_steps train_steps "
                + "training_steps max_update max_updates total_num_update iterations iters total_iterations "
                + "max_train_steps "
                + "num_training_steps"),
        Row(
            "training.steps", "in steps: epochs × sequences of the dataset / batch.sequences",
            "epochs epoch num_epochs n_epochs max_epoch max_epochs num_train_epochs train_epochs"),
        Row(
            "training.steps", "in steps: tokens / (batch.sequences × data.context_length)",
            "train_tokens total_tokens num_tokens train_samples num_train_tokens"),
        Row(
            "training.evaluate_every", "in steps",
            "eval_interval eval_steps eval_every eval_freq evaluation_steps evaluation_interval "
                + "val_interval val_loss_every "
                + "val_check_interval validate_interval validate_interval_updates evaluation_strategy eval_strategy"),
        Row(
            "training.checkpoint_every", "in steps",
            "save_steps save_interval save_every save_freq save_interval_updates checkpoint_interval checkpoint_steps "
                + "ckpt_interval ckpt_every save_strategy checkpoint_frequency snapshot_interval"),
        Row(
            "training.keep_last", "in checkpoints",
            "save_total_limit max_to_keep keep_last_n keep_checkpoints keep_interval_updates keep_last_epochs"),
        Row(
            "training.keep_best", "in checkpoints",
            "save_top_k save_best keep_best_checkpoints "
                + "load_best_model_at_end"),
        Row("training.ema_decay", nil, "ema ema_rate ema_beta use_ema"),
        Row("training.metric", nil, "metric_for_best_model best_checkpoint_metric monitor"),
        Row("training.patience", "in evaluations", "early_stopping_patience early_stopping es_patience"),
        Row("training.min_delta", nil, "early_stopping_threshold early_stopping_delta"),
        Row("training.stall_timeout_seconds", "in seconds", "ddp_timeout nccl_timeout distributed_timeout_minutes"),
    ]
}
