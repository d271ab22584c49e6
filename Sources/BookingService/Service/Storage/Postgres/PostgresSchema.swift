// SPDX-License-Identifier: Apache-2.0

/// The tables in PostgreSQL, as a list of migrations that is only ever appended to.
enum PostgresSchema {
    struct Migration {
        var name: String
        var sql: String
    }

    static let migrations = [
        Migration(name: "1: venues, slots, events, bookings", sql: tables),
        Migration(name: "2: idempotency keys, outbox, audit log", sql: machinery),
    ]

    /// The migrations that are done. What it names is done by whoever holds the lock of this name.
    static let ledger = "CREATE TABLE IF NOT EXISTS booking_migrations (name TEXT PRIMARY KEY, done_at BIGINT NOT NULL)"
    static let lockName = "booking_migrations"

    /// Times are unix milliseconds; identifiers sort by their bytes, as in SQLite. That no slot is booked twice is the index
    /// `bookings_slot`; that no event is oversold is the check on `taken`.
    private static let tables = """
        CREATE TABLE venues (
            id TEXT COLLATE "C" PRIMARY KEY, name TEXT NOT NULL, sport TEXT NOT NULL, location TEXT NOT NULL,
            owner TEXT NOT NULL, created_at BIGINT NOT NULL
        );
        CREATE INDEX venues_time ON venues (created_at, id);
        CREATE TABLE slots (
            id TEXT COLLATE "C" PRIMARY KEY, venue_id TEXT COLLATE "C" NOT NULL REFERENCES venues (id),
            starts_at BIGINT NOT NULL, minutes BIGINT NOT NULL, price_cents BIGINT NOT NULL
        );
        CREATE UNIQUE INDEX slots_time ON slots (venue_id, starts_at);
        CREATE TABLE events (
            id TEXT COLLATE "C" PRIMARY KEY, venue_id TEXT COLLATE "C" NOT NULL REFERENCES venues (id),
            title TEXT NOT NULL, starts_at BIGINT NOT NULL, seats BIGINT NOT NULL,
            taken BIGINT NOT NULL DEFAULT 0 CHECK (taken >= 0 AND taken <= seats)
        );
        CREATE INDEX events_time ON events (starts_at, id);
        CREATE TABLE bookings (
            id TEXT COLLATE "C" PRIMARY KEY, slot_id TEXT COLLATE "C" REFERENCES slots (id),
            event_id TEXT COLLATE "C" REFERENCES events (id), seats BIGINT NOT NULL CHECK (seats > 0),
            "user" TEXT NOT NULL, email TEXT, status TEXT NOT NULL CHECK (status IN ('confirmed', 'cancelled')),
            created_at BIGINT NOT NULL, cancelled_at BIGINT, CHECK ((slot_id IS NULL) <> (event_id IS NULL))
        );
        CREATE UNIQUE INDEX bookings_slot ON bookings (slot_id) WHERE status = 'confirmed' AND slot_id IS NOT NULL;
        CREATE INDEX bookings_user ON bookings ("user", created_at, id);
        """

    private static let machinery = """
        CREATE TABLE idempotency (
            "user" TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, booking_id TEXT COLLATE "C" NOT NULL,
            created_at BIGINT NOT NULL, PRIMARY KEY ("user", key)
        );
        CREATE INDEX idempotency_age ON idempotency (created_at);
        CREATE TABLE outbox (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue TEXT NOT NULL, payload TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'active', 'completed', 'failed')),
            attempts BIGINT NOT NULL DEFAULT 0, due_at BIGINT NOT NULL, created_at BIGINT NOT NULL,
            finished_at BIGINT
        );
        CREATE INDEX outbox_state ON outbox (queue, state, due_at);
        CREATE TABLE audit (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL,
            action TEXT NOT NULL, subject TEXT NOT NULL
        );
        CREATE INDEX audit_subject ON audit (subject, at);
        """
}
