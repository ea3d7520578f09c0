import Collectives
import Datasets
import Files
import TestSupport

@testable import Training
@testable import Inference
@testable import Settings
@testable import Preparation

/// The dataset of a case, prepared in its own directory.
struct FamilyWorkshop: Sendable {
    let directory = TemporaryDirectory()
    let family: FamilyCase

    init(_ family: FamilyCase) throws {
        self.family = family
        var paths: [String] = []
        for (name, bytes) in family.files {
            let path = directory.file(name)
            try File(path, .create).write(bytes)
            paths.append(path)
        }
        let source: DatasetPreparation.Source =
            switch family.data {
            case .documents: .records(.documents(field: "text"), paths)
            case .parallel: .records(.parallel, paths)
            case .labelled(let kind): .records(.labelled(LabelDescription.Kind(rawValue: kind)), paths)
            case .chat: .records(.chat, paths)
            case .images: .images(paths)
            }
        var preparation = DatasetPreparation(source, output: directory.file("data"))
        preparation.validationFraction = 0.2
        _ = try preparation.run()
    }

    /// The case's configuration with additional keys.
    func configuration(_ sets: [String] = []) throws -> Configuration {
        let data = "data.directory=\(directory.file("data"))"
        return try Configuration.load(file: nil, sets: FamilyCase.commonSets + family.sets + [data] + sets)
    }

    /// Opens the data as a run on `communicator` does.
    func data(_ sets: [String] = [], _ communicator: any Communicator = SoloCommunicator()) throws -> TrainingData {
        try TrainingData(configuration(sets), communicator)
    }
}
