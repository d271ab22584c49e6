// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The tables in SQLite, as a list of migrations that is only ever appended to.
enum SQLiteSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: venues, slots, events, bookings") { try $0.execute(sql: tables) }
        migrator.registerMigration("2: idempotency keys, outbox, audit log") { try $0.execute(sql: machinery) }
        return migrator
    }

    /// Times are unix milliseconds. That no slot is booked twice is the index `bookings_slot`; that no event is oversold
    /// is the check on `taken`.
    private static let tables = """
        CREATE TABLE venues (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, sport TEXT NOT NULL, location TEXT NOT NULL, owner TEXT NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE slots (
            id TEXT PRIMARY KEY, venue_id TEXT NOT NULL REFERENCES venues (id), starts_at INTEGER NOT NULL,
            minutes INTEGER NOT NULL, price_cents INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX slots_time ON slots (venue_id, starts_at);
        CREATE TABLE events (
            id TEXT PRIMARY KEY, venue_id TEXT NOT NULL REFERENCES venues (id), title TEXT NOT NULL,
            starts_at INTEGER NOT NULL, seats INTEGER NOT NULL,
            taken INTEGER NOT NULL DEFAULT 0 CHECK (taken >= 0 AND taken <= seats)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX events_time ON events (starts_at, id);
        CREATE TABLE bookings (
            id TEXT PRIMARY KEY, slot_id TEXT REFERENCES slots (id), event_id TEXT REFERENCES events (id),
            seats INTEGER NOT NULL CHECK (seats > 0), user TEXT NOT NULL, email TEXT,
            status TEXT NOT NULL CHECK (status IN ('confirmed', 'cancelled')), created_at INTEGER NOT NULL,
            cancelled_at INTEGER, CHECK ((slot_id IS NULL) <> (event_id IS NULL))
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX bookings_slot ON bookings (slot_id) WHERE status = 'confirmed' AND slot_id IS NOT NULL;
        CREATE INDEX bookings_user ON bookings (user, created_at, id);
        """

    private static let machinery = """
        CREATE TABLE idempotency (
            user TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, booking_id TEXT NOT NULL,
            created_at INTEGER NOT NULL, PRIMARY KEY (user, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX idempotency_age ON idempotency (created_at);
        CREATE TABLE outbox (
            id INTEGER PRIMARY KEY, queue TEXT NOT NULL, payload TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'active', 'completed', 'failed')),
            attempts INTEGER NOT NULL DEFAULT 0, due_at INTEGER NOT NULL, created_at INTEGER NOT NULL,
            finished_at INTEGER
        ) STRICT;
        CREATE INDEX outbox_state ON outbox (queue, state, due_at);
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
            subject TEXT NOT NULL
        ) STRICT;
        CREATE INDEX audit_subject ON audit (subject, at);
        """
}
