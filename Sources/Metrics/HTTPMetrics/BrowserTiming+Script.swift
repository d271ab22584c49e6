// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
public import Hummingbird
import NIOCore

extension BrowserTiming {
    /// Adds `GET /beacon.js`: the script that sends a page's timings once it has loaded. Pages embed it with
    /// `<script src="/beacon.js" async></script>`.
    /// - Parameters:
    ///   - router: takes the route.
    ///   - path: where.
    ///   - beaconPath: where `addRoute` listens.
    public func addScriptRoute<Context: RequestContext>(
        to router: some RouterMethods<Context>,
        path: String = "/beacon.js",
        beaconPath: String = "/beacon"
    ) {
        let script = ByteBuffer(string: Self.script(beaconPath: beaconPath))
        router.get(RouterPath(path)) { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/javascript; charset=utf-8", .cacheControl: "max-age=3600"],
                body: ResponseBody(byteBuffer: script)
            )
        }
    }

    /// The script. It waits for the end of the load event, for its time is one of those that are sent.
    /// - Parameter beaconPath: where beacons are taken; a path, without quotation marks.
    public static func script(beaconPath: String = "/beacon") -> String {
        """
        (() => {
            const send = () => {
                const [page] = performance.getEntriesByType("navigation")
                if (!page) return
                const [paint] = performance.getEntriesByName("first-contentful-paint")
                const timings = {
                    dns: page.domainLookupEnd, connect: page.connectEnd, ttfb: page.responseStart,
                    response: page.responseEnd, interactive: page.domInteractive,
                    dom_content_loaded: page.domContentLoadedEventEnd, load: page.loadEventEnd,
                    first_contentful_paint: paint && paint.startTime,
                }
                if (page.secureConnectionStart > 0) timings.tls = page.connectEnd
                navigator.sendBeacon("\(beaconPath)", JSON.stringify({ page: location.pathname, ...timings }))
            }
            const later = () => setTimeout(send, 0)
            if (document.readyState === "complete") later()
            else addEventListener("load", later)
        })()

        """
    }
}
