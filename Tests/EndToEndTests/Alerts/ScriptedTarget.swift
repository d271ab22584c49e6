// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport

/// A service whose metrics page is what a test says; without a page it answers 503.
final class ScriptedTarget: Sendable {
    private let receiver: HTTPReceiver
    private let content: Mutex<String?>

    init(page: String?) throws {
        receiver = try HTTPReceiver()
        content = Mutex(page)
        receiver.answer(with: { [weak self] _ in
            guard let page = self?.page else { return HTTPAnswer(503) }
            return HTTPAnswer(200, page, headers: [(name: "Content-Type", value: "text/plain; version=0.0.4")])
        })
    }

    var port: UInt16 { receiver.port }

    var page: String? {
        get { content.withLock { $0 } }
        set { content.withLock { $0 = newValue } }
    }
}
