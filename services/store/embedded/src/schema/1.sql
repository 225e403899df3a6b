-- The revision of the last commit.
CREATE TABLE head (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0);

CREATE TABLE records (
    kind     TEXT    NOT NULL,
    tool     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    document TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX records_by_key ON records (kind, tool, name);
CREATE INDEX records_by_revision ON records (kind, revision, tool, name);

-- The last deletion of each key, for watches; the oldest are trimmed.
CREATE TABLE deletions (
    kind     TEXT    NOT NULL,
    tool     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (kind, tool, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX deletions_by_revision ON deletions (kind, revision, tool, name);
CREATE INDEX deletions_by_age ON deletions (revision);

-- The revision of the last deletion of a kind that was trimmed.
CREATE TABLE horizons (
    kind     TEXT    PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
