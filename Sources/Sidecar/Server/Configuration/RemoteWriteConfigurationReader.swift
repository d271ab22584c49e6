// SPDX-License-Identifier: Apache-2.0

import HTTPClient
package import RemoteWrite
package import Scraping
import YAMLDocument

/// One entry of `remote_write`: the receiver, and what is done to labels on the way there.
package struct RemoteWriteDefinition: Sendable {
    package var remote: RemoteWriteConfiguration
    package var relabelRules: [RelabelRule] = []
}

/// Reads entries of `remote_write`, in Prometheus's keys.
struct RemoteWriteConfigurationReader {
    let secrets: SecretResolver
    let files: FileAccess
    let relabelRule: (YAMLMappingReader) -> RelabelRule?

    func read(_ reader: YAMLMappingReader) -> RemoteWriteDefinition? {
        defer { reader.finish() }
        let authorization = HTTPAuthorizationReader(secrets: secrets, files: files)
        guard reader.requiredString("url") != nil, let url = authorization.secret(reader, "url") else { return nil }
        guard HTTPRequest(url: url).origin != nil else {
            reader.problem("url", "expected a URL such as https://example.org/api/v1/write")
            return nil
        }
        var remote = RemoteWriteConfiguration(url: url, name: reader.string("name") ?? "")
        remote.timeout = reader.duration("remote_timeout", atLeast: .milliseconds(1)) ?? remote.timeout
        for (name, value) in reader.stringPairs("headers") ?? [] {
            do throws(SecretResolver.Failure) {
                remote.headers.append((name, try secrets.resolve(value)))
            } catch {
                reader.problem("headers", error.description)
            }
        }
        remote.authorization = authorization.read(reader)
        if let section = reader.mapping("tls_config") { remote.tls = TLSOptionsReader.read(section) }
        remote.proxy = authorization.secret(reader, "proxy_url")
        remote.sendsNativeHistograms = reader.boolean("send_native_histograms") ?? remote.sendsNativeHistograms
        if reader.boolean("send_exemplars") == true {
            reader.problem("send_exemplars", "exemplars are not stored and so not sent", severity: .warning)
        }
        if reader.boolean("follow_redirects") == true {
            reader.problem("follow_redirects", "redirects are not followed", severity: .warning)
        }
        reader.ignore("enable_http2")
        if let message = reader.string("protobuf_message"), message != "prometheus.WriteRequest" {
            reader.problem("protobuf_message", "protobuf_message must be prometheus.WriteRequest")
        }
        if let section = reader.mapping("queue_config") { queue(section, &remote.queue) }
        if let section = reader.mapping("metadata_config") { metadata(section, &remote.metadata) }
        let rules = (reader.mappings("write_relabel_configs") ?? []).compactMap(relabelRule)
        return RemoteWriteDefinition(remote: remote, relabelRules: rules)
    }

    private func queue(_ reader: YAMLMappingReader, _ queue: inout RemoteWriteConfiguration.Queue) {
        queue.capacity = reader.integer("capacity", in: 1...100_000_000) ?? queue.capacity
        queue.minimumShards = reader.integer("min_shards", in: 1...1_000) ?? queue.minimumShards
        queue.maximumShards = reader.integer("max_shards", in: 1...1_000) ?? queue.maximumShards
        queue.samplesPerSend = reader.integer("max_samples_per_send", in: 1...1_000_000) ?? queue.samplesPerSend
        queue.batchDeadline = reader.duration("batch_send_deadline") ?? queue.batchDeadline
        queue.minimumBackoff = reader.duration("min_backoff", atLeast: .milliseconds(1)) ?? queue.minimumBackoff
        queue.maximumBackoff = reader.duration("max_backoff", atLeast: .milliseconds(1)) ?? queue.maximumBackoff
        queue.retriesOn429 = reader.boolean("retry_on_http_429") ?? queue.retriesOn429
        queue.sampleAgeLimit = reader.duration("sample_age_limit") ?? queue.sampleAgeLimit
        queue.diskLimit = reader.bytes("disk_limit", in: (1 << 20)...(1 << 40)) ?? queue.diskLimit
        if queue.maximumShards < queue.minimumShards {
            reader.problem("max_shards", "max_shards must not be less than min_shards")
        }
        if queue.maximumBackoff < queue.minimumBackoff {
            reader.problem("max_backoff", "max_backoff must not be less than min_backoff")
        }
        reader.finish()
    }

    private func metadata(_ reader: YAMLMappingReader, _ metadata: inout RemoteWriteConfiguration.Metadata) {
        metadata.isSent = reader.boolean("send") ?? metadata.isSent
        metadata.interval = reader.duration("send_interval", atLeast: .seconds(1)) ?? metadata.interval
        metadata.entriesPerSend = reader.integer("max_samples_per_send", in: 1...1_000_000) ?? metadata.entriesPerSend
        reader.finish()
    }
}
