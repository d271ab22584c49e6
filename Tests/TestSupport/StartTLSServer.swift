// SPDX-License-Identifier: Apache-2.0

/// A server that agrees to speak TLS in the middle of a conversation, in Python, whose TLS is not ours.
package final class StartTLSServer: Sendable {
    package let port: UInt16
    private let process: ChildProcess

    /// - Parameters:
    ///   - conversation: pairs of what begins a line of the client and the answer; the empty prefix is the greeting. An
    ///     answer followed by `TLS` switches.
    ///   - binary: answers the first bytes that come with these and switches, without lines.
    package init(
        conversation: [(prefix: String, answer: String)] = [],
        binary: [UInt8]? = nil,
        certificate: String,
        key: String,
        clientAuthority: String? = nil
    ) async throws {
        port = try freePort()
        var arguments = ["-c", Self.program, String(port), certificate, key, clientAuthority ?? ""]
        arguments.append((binary ?? []).map { String($0) }.joined(separator: ","))
        for pair in conversation { arguments += [pair.prefix, pair.answer] }
        process = try ChildProcess("/usr/bin/python3", arguments)
        let port = port
        guard await waitUntil({ accepts(port: port) }) else { throw TestSupportError(process.errorOutput) }
    }

    package func stop() async { await process.stop(9) }

    private static let program = """
        import socket, ssl, sys, threading
        port, cert, key, ca, binary = int(sys.argv[1]), *sys.argv[2:6]
        pairs = list(zip(sys.argv[6::2], sys.argv[7::2]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        if ca:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
        def answer(connection, prefix):
            for wanted, text in pairs:
                if (wanted == "" and prefix is None) or (wanted and prefix is not None and prefix.startswith(wanted)):
                    switch = text.endswith("TLS")
                    connection.sendall((text[:-3] if switch else text).encode())
                    return context.wrap_socket(connection, server_side=True) if switch else connection
            return connection
        def serve(connection):
            try:
                if binary == "immediate":
                    connection = context.wrap_socket(connection, server_side=True)
                elif binary:
                    connection.recv(64)
                    connection.sendall(bytes(int(x) for x in binary.split(",")))
                    connection = context.wrap_socket(connection, server_side=True)
                connection = answer(connection, None)
                line = b""
                while True:
                    byte = connection.recv(1)
                    if not byte: return
                    line += byte
                    if line.endswith(b"\\r\\n"):
                        text, line = line.decode(), b""
                        connection = answer(connection, text)
            except Exception as error:
                print(error, file=sys.stderr, flush=True)
            finally:
                connection.close()
        listener = socket.create_server(("127.0.0.1", port))
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """
}
