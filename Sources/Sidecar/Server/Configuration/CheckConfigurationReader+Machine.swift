// SPDX-License-Identifier: Apache-2.0

import DependencyChecks
import YAMLDocument

/// Checks of the machine: programs, files, processes, units.
extension CheckConfigurationReader {
    func exec(_ reader: YAMLMappingReader) -> ExecCheckConfiguration? {
        guard let path = reader.requiredString("path") else { return nil }
        var configuration = ExecCheckConfiguration(path: path)
        configuration.arguments = (reader.strings("args") ?? []).compactMap { resolved($0, reader, "args") }
        configuration.environment = (reader.stringPairs("env") ?? []).compactMap { pair in
            resolved(pair.value, reader, "env").map { (pair.name, $0) }
        }
        configuration.directory = reader.string("directory")
        return configuration
    }

    private func resolved(_ text: String, _ reader: YAMLMappingReader, _ key: String) -> String? {
        do throws(SecretResolver.Failure) {
            return try secrets.resolve(text)
        } catch {
            reader.problem(key, error.description)
            return nil
        }
    }

    func file(_ reader: YAMLMappingReader) -> FileCheckConfiguration? {
        guard let pattern = reader.requiredString("path") else { return nil }
        var configuration = FileCheckConfiguration(pattern: pattern)
        configuration.maximumAge = reader.duration("max_age")
        configuration.warningAge = reader.duration("warning_age")
        configuration.minimumBytes = reader.bytes("min_size")
        configuration.minimumCount = reader.integer("min_count", in: 1...1_000_000) ?? configuration.minimumCount
        return configuration
    }

    func process(_ reader: YAMLMappingReader) -> ProcessCheckConfiguration? {
        var targets: [ProcessCheckConfiguration.Target] = []
        if let path = reader.string("pid_file") { targets.append(.pidFile(path)) }
        if let unit = reader.string("unit") { targets.append(.unit(unit)) }
        if let port = reader.integer("port", in: 1...65_535) { targets.append(.port(UInt16(clamping: port))) }
        guard targets.count == 1, let target = targets.first else {
            reader.problem(nil, "a process needs one of the keys pid_file, unit, port")
            return nil
        }
        var configuration = ProcessCheckConfiguration(target: target)
        configuration.descriptorWarning = reader.number("fd_warning", in: 0...1) ?? configuration.descriptorWarning
        configuration.maximumMemory = reader.bytes("max_memory")
        return configuration
    }

    func systemd(_ reader: YAMLMappingReader) -> SystemdCheckConfiguration? {
        guard let units = reader.strings("units", orSingle: true) else {
            reader.missing("units")
            return nil
        }
        var configuration = SystemdCheckConfiguration(units: units)
        configuration.bus = reader.string("bus") ?? configuration.bus
        return configuration
    }
}
