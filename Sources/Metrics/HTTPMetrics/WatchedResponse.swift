// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// A response whose end is yet to come; it is recorded once, when its last byte was written, when that failed, or when
/// it was thrown away.
final class WatchedResponse: Sendable {
    private let recorder: RequestRecorder
    private let running: RunningRequest
    private let head: HTTPRequest
    private let logger: Logger
    private let status: Int
    private let isFinished = Atomic<Bool>(false)

    init(_ recorder: RequestRecorder, _ running: RunningRequest, _ head: HTTPRequest, _ logger: Logger, status: Int) {
        self.recorder = recorder
        self.running = running
        self.head = head
        self.logger = logger
        self.status = status
    }

    deinit {
        // Nobody ever asked for the body.
        finish(status: status, errorType: "", responseBytes: 0)
    }

    /// The same body; what becomes of it is recorded.
    func watching(_ body: ResponseBody) -> ResponseBody {
        let length = body.contentLength
        return ResponseBody(contentLength: length) { writer in
            let counter = length == nil ? ByteCount() : nil
            do {
                if let counter {
                    try await body.write(
                        writer.map { buffer in
                            counter.add(buffer.readableBytes)
                            return buffer
                        }
                    )
                } else {
                    try await body.write(writer)
                }
                self.finish(status: self.status, errorType: "", responseBytes: length ?? counter?.value)
            } catch {
                // The head has been sent, so nobody but the client's absence is to blame for a failed write.
                let failure = RequestFailure(whileWriting: error)
                self.finish(status: failure.status, errorType: failure.errorType, responseBytes: counter?.value)
                throw error
            }
        }
    }

    private func finish(status: Int, errorType: String, responseBytes: Int?) {
        guard !isFinished.exchange(true, ordering: .relaxed) else { return }
        let result = RequestResult(
            status: status,
            errorType: errorType,
            responseBytes: responseBytes,
            ended: recorder.now()
        )
        if recorder.finish(running, head, result) { recorder.log(running, head, result, logger) }
    }
}
