// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BookingService
import Foundation
import Logging

/// `booking-service`
@main
struct BookingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "booking-service",
        abstract: "Books slots of venues and seats of events.",
        version: BookingApplication.version,
        subcommands: [Serve.self, Migrate.self, Token.self, Load.self],
        defaultSubcommand: Serve.self
    )
}

/// What all commands take.
struct CommonOptions: ParsableArguments {
    @Option(help: "The configuration file.")
    var config: String?

    @Option(help: "Where the database and the token secret are; before the file's data_dir and $STATE_DIRECTORY.")
    var dataDir: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = "notice"

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError("no log level \(logLevel)") }
    }

    /// The configuration; problems go to standard error, one a line, and end the process with 1.
    func configuration() throws -> BookingConfiguration {
        do {
            var configuration = BookingConfiguration()
            if let state = ProcessInfo.processInfo.environment["STATE_DIRECTORY"], !state.isEmpty {
                configuration.dataDirectory = state
            }
            if let config { configuration = try ConfigurationFile.read(path: config, over: configuration) }
            if let dataDir { configuration.dataDirectory = dataDir }
            return configuration
        } catch let problems as ConfigurationProblems {
            throw failure(problems.description)
        }
    }

    var logger: Logger {
        var logger = Logger(label: "booking") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .notice
        return logger
    }
}

/// Prints to standard error; the result ends the process with 1.
func failure(_ text: String) -> ExitCode {
    FileHandle.standardError.write(Data((text + "\n").utf8))
    return ExitCode(1)
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serves until SIGTERM or Ctrl-C.")

    @OptionGroup var common: CommonOptions

    @Option(help: "Address and port, 127.0.0.1:8080 by default.")
    var listen: String?

    func run() async throws {
        var configuration = try common.configuration()
        let logger = common.logger
        do {
            if let listen { try configuration.listen(on: listen) }
            let host = configuration.host
            let application = try await BookingApplication(configuration: configuration, logger: logger) { port in
                let line = "booking-service listens on http://\(host):\(port)\n"
                FileHandle.standardOutput.write(Data(line.utf8))
            }
            try await application.run(logger: logger)
        } catch let problem as ConfigurationProblem {
            throw failure(problem.description)
        } catch {
            throw failure("booking-service: \(error)")
        }
    }
}

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Creates the database or brings its schema up to date.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let configuration = try common.configuration()
        do {
            let application = try await BookingApplication(configuration: configuration, logger: common.logger)
            try await application.database.prepare()
            try await application.database.close()
        } catch {
            throw failure("booking-service: \(configuration.databasePlace): \(error)")
        }
        print("\(configuration.databasePlace) is up to date")
    }
}

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints a token for a user.")

    @OptionGroup var common: CommonOptions

    @Option(help: "The user's name.")
    var user = "demo"

    @Option(help: "The user's address.")
    var email: String?

    func run() async throws {
        let configuration = try common.configuration()
        do {
            print(try await configuration.token(user: user, email: email))
        } catch let problem as ConfigurationProblem {
            throw failure(problem.description)
        }
    }
}

struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Sends a little demo traffic to a running service.")

    @OptionGroup var common: CommonOptions

    @Option(help: "Address and port of the service.")
    var target: String?

    @Option(help: "Requests a second.")
    var rate = 20.0

    @Option(help: "Seconds; without it, until stopped.")
    var duration: Double?

    @Option(help: "Connections.")
    var connections = 4

    func run() async throws {
        var configuration = try common.configuration()
        do {
            if let target { try configuration.listen(on: target) }
            var plan = LoadGenerator.Plan()
            plan.rate = rate
            plan.duration = duration.map { .seconds($0) }
            plan.connections = connections
            let summary = try await LoadGenerator(
                host: configuration.host,
                port: configuration.port,
                token: try await configuration.token(user: "load", email: nil),
                plan: plan,
                logger: common.logger
            ).run()
            let counts = summary.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            print("answers by status: \(counts.joined(separator: ", "))")
        } catch let problem as ConfigurationProblem {
            throw failure(problem.description)
        } catch {
            throw failure("booking-service load: \(error)")
        }
    }
}
