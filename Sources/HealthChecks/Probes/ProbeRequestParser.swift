// SPDX-License-Identifier: Apache-2.0

/// Recognises probe requests in the bytes of a connection, and only the plain ones: no query, no other form.
struct ProbeRequestParser {
    struct Match: Equatable {
        var question: RenderedProbes.Question
        var method: PlainRequest.Method
        /// Whether the connection ends after the response.
        var closes: Bool
        /// Bytes of the request.
        var length: Int
    }

    /// The request at the start of `bytes`; nil when the full parser has to look.
    static func match(_ bytes: UnsafeRawBufferPointer) -> Match? {
        var question: RenderedProbes.Question?
        let request = unsafe PlainRequest(bytes) { method, target in
            question = unsafe Self.question(method, target)
            return question != nil
        }
        guard let request, let question else { return nil }
        return Match(question: question, method: request.method, closes: request.closes, length: request.length)
    }

    private static func question(
        _ method: PlainRequest.Method,
        _ target: UnsafeRawBufferPointer
    ) -> RenderedProbes.Question? {
        if unsafe target.elementsEqual("/livez".utf8) { return .livez }
        if unsafe target.elementsEqual("/readyz".utf8) { return .readyz }
        if unsafe target.elementsEqual("/startupz".utf8) { return .startupz }
        if method == .options, unsafe target.elementsEqual("/".utf8) || target.elementsEqual("*".utf8) {
            return .readyz
        }
        return nil
    }
}
