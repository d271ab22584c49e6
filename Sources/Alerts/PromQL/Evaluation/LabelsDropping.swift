// SPDX-License-Identifier: Apache-2.0

import TimeSeries

enum ReservedLabels {
    /// What says what a series measures, and so goes when a function makes something else of it.
    static let metadata = ["__name__", "__type__", "__unit__"]
    static let name = "__name__"
    static let bucket = "le"
}

extension Labels {
    var withoutMetadata: Labels { dropping(ReservedLabels.metadata) }
    var withoutName: Labels { dropping([ReservedLabels.name]) }
    var name: String { self[ReservedLabels.name] ?? "" }
}
