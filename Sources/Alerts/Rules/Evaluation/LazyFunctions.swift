// SPDX-License-Identifier: Apache-2.0

import GoTemplates
import TimeSeries

/// The functions of one evaluation's templates, made when the first one is expanded: most evaluations expand none.
struct LazyFunctions {
    let context: RuleContext
    let time: Timestamp
    let queryTime: Timestamp
    let environment: any RuleEnvironment
    private var made: TemplateFunctions?

    init(context: RuleContext, time: Timestamp, queryTime: Timestamp, environment: any RuleEnvironment) {
        self.context = context
        self.time = time
        self.queryTime = queryTime
        self.environment = environment
    }

    mutating func callAsFunction() -> TemplateFunctions {
        if let made { return made }
        let functions = RuleFunctions.make(
            externalURL: context.externalURL,
            now: time,
            query: environment.templateQuery(at: queryTime)
        )
        made = functions
        return functions
    }
}
