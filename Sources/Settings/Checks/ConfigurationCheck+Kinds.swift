extension ConfigurationCheck {
    /// Checks of the keys that depend on the kind of optimizer, of schedule or of fine-tuning.
    static let kinds: [ConfigurationCheck] = [
        ConfigurationCheck("fine_tuning.load", "fine_tuning.lora") { configuration in
            let (tuning, usual) = (configuration.fineTuning, FineTuningConfiguration())
            return tuning.lora == nil || tuning.load == usual.load
                ? nil : "[\"*\"] (the default) with fine_tuning.lora: weights that are not loaded would stay random"
        },
        ConfigurationCheck("fine_tuning.skip", "fine_tuning.lora") { configuration in
            configuration.fineTuning.lora == nil || configuration.fineTuning.skip.isEmpty
                ? nil : "[] (the default) with fine_tuning.lora: weights that are not loaded would stay random"
        },
        ConfigurationCheck("fine_tuning.lora") { configuration in
            guard let lora = configuration.fineTuning.lora, lora.targets.isEmpty else { return nil }
            return "targets that name at least one layer"
        },
        ConfigurationCheck("optimizer.groups", "optimizer.kind") { configuration in
            let optimizer = configuration.optimizer
            // A group's weight decay replaces the optimizer's.
            let decays = Configuration.keys.filter { $0.path == "optimizer.weight_decay" }
            let isRead = decays.contains { configuration.reads($0) }
            return isRead || optimizer.groups.allSatisfy { ($0.weightDecay ?? 0) == 0 }
                ? nil
                : "groups without weight_decay if optimizer.kind is \(optimizer.kind.rawValue), which does not use it; "
                    + "use l2 instead"
        },
        ConfigurationCheck("schedule.step_size", "schedule.kind", "schedule.milestones") { configuration in
            let schedule = configuration.schedule
            guard schedule.kind == .step else { return nil }
            if schedule.milestones.isEmpty {
                return schedule.stepSize > 0
                    ? nil : "at least 1 if schedule.kind is step and schedule.milestones is empty"
            }
            return schedule.stepSize == 0 ? nil : "0 if schedule.milestones is set"
        },
    ]
}
