// SPDX-License-Identifier: Apache-2.0

import Exposition
import HTTPClient

/// One transfer of one scrape: hands the body on as it arrives, and ends the transfer when the body is no good.
final class ScrapeTransfer: HTTPTransferDelegate {
    private let ingest: BodyIngest
    /// The beginning of the body, for people, should the scrape fail.
    private(set) var firstBytes: [UInt8] = []
    private let configuration: ScrapeConfiguration
    private let completion: (ScrapeTransfer, HTTPTransferReport) -> Void
    private var transfer: HTTPTransfer?
    private var own: ScrapeFailure?
    private var isReading = false
    private var wantsCancel = false

    init(
        ingest: BodyIngest,
        configuration: ScrapeConfiguration,
        completion: @escaping (ScrapeTransfer, HTTPTransferReport) -> Void
    ) {
        self.ingest = ingest
        self.configuration = configuration
        self.completion = completion
    }

    func start(_ client: HTTPClient, _ request: HTTPRequest) {
        transfer = client.start(request, delegate: self)
        if wantsCancel { transfer?.cancel() }
    }

    func cancel() {
        wantsCancel = true
        transfer?.cancel()
    }

    /// Why the scrape failed; nil when it did not. A reason found in the body comes before that of the transfer, which
    /// was cancelled for it.
    func failure(_ report: HTTPTransferReport) -> ScrapeFailure? {
        if let own { return own }
        if let failure = report.failure { return ScrapeFailure(ScrapeReason(failure.reason), failure.text) }
        return nil
    }

    func transferDidReceiveHead(_ head: HTTPResponseHead) {
        guard head.status == 200 else {
            let reason: ScrapeReason = head.status == 401 || head.status == 403 ? .authentication : .httpStatus
            return fail(ScrapeFailure(reason, "server returned HTTP status \(head.status)"))
        }
        guard let encoding = encoding(head.contentType) else {
            let shown = head.contentType.map { "\"\($0.prefix(100))\"" } ?? "none"
            return fail(ScrapeFailure(.contentType, "unusable Content-Type (\(shown)) and no fallback_scrape_protocol"))
        }
        ingest.begin(encoding)
        isReading = true
    }

    func transferDidReceiveBytes(_ bytes: UnsafeRawBufferPointer) {
        if firstBytes.count < ScrapeRunner.keptBody {
            unsafe firstBytes.append(contentsOf: bytes.prefix(ScrapeRunner.keptBody - firstBytes.count))
        }
        guard isReading else { return }
        do throws(ScrapeFailure) {
            let buffer = unsafe bytes.assumingMemoryBound(to: UInt8.self)
            try ingest.read(unsafe Span(_unsafeElements: buffer))
        } catch {
            fail(error)
        }
    }

    func transferDidComplete(_ report: HTTPTransferReport) {
        if isReading, report.failure == nil {
            do throws(ScrapeFailure) { try ingest.end() } catch { own = error }
        } else if isReading {
            // Else a large target on a busy machine would begin anew each time, and never get to its end.
            ingest.abandon(keepingMore: report.failure?.reason == .timeoutBody)
        }
        isReading = false
        transfer = nil
        completion(self, report)
    }

    private func fail(_ failure: ScrapeFailure) {
        guard own == nil else { return }
        own = failure
        if isReading { ingest.abandon() }
        isReading = false
        cancel()
    }

    /// Missing and unknown types fail the scrape unless a fallback is configured (Prometheus 3).
    private func encoding(_ contentType: String?) -> ExpositionFormat.Encoding? {
        if let known = contentType.flatMap({ ScrapeProtocol.encoding(ofContentType: $0) }) { return known }
        return configuration.fallbackProtocol?.encoding
    }
}
