import Files
import Texts

/// The name of the processor as the kernel tells it, such as "AMD EPYC 9565"; nil if it does not.
package func processorName() -> String? {
    let lines = FileSystem.systemText("/proc/cpuinfo")?.exactParts(at: "\n") ?? []
    for line in lines {
        guard let (name, value) = line.exactHalves(at: ":").map({ ($0.before, $0.behind) }),
            name.hasExactPrefix("model name")
        else { continue }
        return value.exactParts(at: " ", omittingEmpty: true).joined(separator: " ")
    }
    return nil
}
