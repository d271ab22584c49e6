// SPDX-License-Identifier: Apache-2.0

import Glibc
import Harness

// The instruments and their rendering; the same operations as Peers/client_golang.

let harness = Harness(InstrumentOperations.all + RenderOperations.all + SeriesOperations.all)
exit(harness.run(CommandLine.arguments) ? 0 : 2)
