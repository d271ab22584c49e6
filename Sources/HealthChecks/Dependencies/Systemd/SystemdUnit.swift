// SPDX-License-Identifier: Apache-2.0

/// A unit as `ListUnitsByNames` describes it.
struct SystemdUnit: Hashable, Sendable {
    var name: String
    /// `loaded`, `not-found`, `masked`, `error`, ….
    var loadState: String
    /// `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`.
    var activeState: String
    /// `running`, `exited`, `dead`, `auto-restart`, ….
    var subState: String

    /// Reads `a(ssssssouso)`; nil when the body is none.
    static func list(_ reply: DBusMessage.Reply) -> [SystemdUnit]? {
        guard reply.signature == "a(ssssssouso)" else { return nil }
        var reader = DBusReader(bytes: reply.body, isBigEndian: reply.isBigEndian)
        guard let length = reader.number() else { return nil }
        reader.align(8)
        let end = reader.position + Int(length)
        guard end <= reply.body.count else { return nil }
        var units: [SystemdUnit] = []
        while reader.position < end {
            reader.align(8)
            guard let name = reader.string(), reader.string() != nil, let load = reader.string(),
                let active = reader.string(), let sub = reader.string(), reader.string() != nil,
                reader.string() != nil, reader.number() != nil, reader.string() != nil, reader.string() != nil
            else { return nil }
            units.append(SystemdUnit(name: name, loadState: load, activeState: active, subState: sub))
        }
        return units
    }
}
