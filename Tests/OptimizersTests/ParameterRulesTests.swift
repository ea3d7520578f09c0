import Failures
import Kernels
import Optimizers
import Tensors
import TestSupport
import Testing

@Suite struct ParameterRulesTests {
    private let layout: ParameterLayout = {
        var layout = ParameterLayout()
        layout.beginSection()
        for block in 0..<2 {
            _ = layout.declare("blocks.\(block).weight", [4, 4], .ones, decays: true)
            _ = layout.declare("blocks.\(block).bias", [4], .zeros, decays: false)
        }
        return layout
    }()

    private func group(_ names: String..., scale: Double = 1, decay: Double? = nil) -> ParameterGroup {
        var group = ParameterGroup()
        (group.names, group.learningRateScale, group.weightDecay) = (names, scale, decay)
        return group
    }

    /// Updates a weight of 1 once, at learning rate 1 and gradient 0, so that only weight decay and penalties act;
    /// returns the new weight and the rule's learning-rate factor.
    private func decayed(_ configuration: OptimizerConfiguration) throws -> [(weight: Float, scale: Double)?] {
        let rules = try ParameterRules(configuration, layout)
        return rules.indices.map { index in
            guard let index else { return nil }
            let rule = rules.rules[index]
            let weight = withTestMemory { memory in
                let weight = memory.numbers([1], Float.self)
                rule.optimizer.update(
                    UpdateMemory(
                        weights: weight, states: rule.optimizer.stateNames.map { _ in memory.numbers([0], Float.self) },
                        gradients: UnsafePointer(memory.numbers([0], Float.self)), count: 1),
                    OptimizerStep(number: 1, learningRate: 1))
                return weight[0]
            }
            return (weight, rule.learningRateScale)
        }
    }

    @Test func firstMatchingGroupApplies() throws {
        var configuration = OptimizerConfiguration()
        configuration.weightDecay = 0.5
        configuration.groups = [group("*.1.bias", scale: 2, decay: 0.25), group("blocks.1.*", "x*", scale: 3)]
        configuration.groups[1].names.removeLast()
        let found = try decayed(configuration)
        #expect(found.map { $0!.scale } == [1, 1, 3, 2])
        // A group's weight decay also applies to biases; without one, weights that decay have the optimizer's.
        #expect(found.map { $0!.weight } == [0.5, 1, 0.5, 0.75])
    }

    @Test func groupPenaltiesOverrideTheOptimizers() throws {
        var configuration = OptimizerConfiguration()
        (configuration.kind, configuration.l2) = (.sgd, 0.5)
        configuration.groups = [group("blocks.1.*")]
        configuration.groups[0].l1 = 0.25
        // Biases have only the penalties of their group.
        #expect(try decayed(configuration).map { $0!.weight } == [0.5, 1, 0.25, 0.75])
    }

    @Test func frozenParametersHaveNoRule() throws {
        var configuration = OptimizerConfiguration()
        configuration.freeze = ["blocks.0.*"]
        configuration.groups = [group("*")]
        #expect(try ParameterRules(configuration, layout).indices.map { $0 == nil } == [true, true, false, false])
    }

    @Test func rejectsPatternsWithoutMatch() {
        func message(_ change: (inout OptimizerConfiguration) -> Void) -> String {
            var configuration = OptimizerConfiguration()
            change(&configuration)
            let failure = #expect(throws: Failure.self) { _ = try ParameterRules(configuration, layout) }
            #expect(failure?.exitCode == .usage)
            return failure?.message ?? ""
        }
        #expect(
            message { $0.groups = [group("*"), group("*.bias", "*.bia")] }
                == "optimizer.groups[1].names: no parameter matches *.bia; the nearest: blocks.0.bias, blocks.0.weight"
        )
        #expect(message { $0.freeze = ["block.0.*"] }.hasPrefix("optimizer.freeze: no parameter matches block.0.*;"))
        #expect(message { $0.freeze = ["*"] }.contains("matches all parameters"))
    }
}
