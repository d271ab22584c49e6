// SPDX-License-Identifier: Apache-2.0

import GoTemplates

/// Links into the expression browser.
package enum RuleLinks {
    package static func graph(_ expression: String) -> String {
        "/graph?g0.expr=\(TemplateEscape.query(expression))&g0.tab=0"
    }

    package static func table(_ expression: String) -> String {
        "/graph?g0.expr=\(TemplateEscape.query(expression))&g0.tab=1"
    }
}
