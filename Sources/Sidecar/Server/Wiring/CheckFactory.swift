// SPDX-License-Identifier: Apache-2.0

import DependencyChecks

extension CheckDefinition {
    /// Makes the check that was configured.
    func make(in environment: CheckEnvironment) throws(CheckConfigurationError) -> any DependencyCheck {
        throw CheckConfigurationError("not yet")
    }
}
