// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// The peer of an idle, kept-alive connection has closed or reset it.
///
/// A close that the peer had announced (`Connection: close`, HTTP/1.0) never becomes an edge. One that comes after a
/// second or more of idleness may be the peer's keep-alive timeout: the reader of edges repeats the request before it
/// believes in a fault.
package struct ConnectionEdge: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case closed, reset
    }

    package var origin: HTTPOrigin
    package var kind: Kind
    package var idle: Duration
    package var at: MonotonicTime
}

/// Ends an observation of connection edges.
package struct ConnectionObservation: Hashable, Sendable {
    let origin: HTTPOrigin
    let identifier: UInt64
}
