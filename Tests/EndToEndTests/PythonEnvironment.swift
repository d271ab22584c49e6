// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A virtual environment below `.build` with packages from PyPI, kept from run to run.
enum PythonEnvironment {
    /// The interpreter, with `package` installed.
    static func interpreter(with package: String) async throws -> String {
        let environment = Programs.root + "/.build/python-peers"
        let manager = FileManager.default
        if !manager.fileExists(atPath: environment + "/bin/pip") {
            let made = try await ChildProcess.run(
                "python3",
                ["-m", "venv", "--clear", environment],
                deadline: .seconds(120)
            )
            try #require(made.exit == .code(0), "\(made.error)")
        }
        let marker = "\(environment)/\(package).installed"
        if !manager.fileExists(atPath: marker) {
            let installed = try await ChildProcess.run(
                environment + "/bin/pip",
                ["install", "--quiet", package],
                deadline: .seconds(180)
            )
            try #require(installed.exit == .code(0), "\(installed.error)")
            _ = manager.createFile(atPath: marker, contents: nil)
        }
        return environment + "/bin/python3"
    }
}
