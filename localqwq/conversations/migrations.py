"""The tables of the store, as the steps that create them from an empty file."""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        system TEXT NOT NULL,
        head INTEGER REFERENCES turns (id),
        created REAL NOT NULL,
        updated REAL NOT NULL
    );
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        parent INTEGER REFERENCES turns (id),
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        status TEXT NOT NULL CHECK (status IN ('running', 'done', 'stopped', 'lost')),
        text TEXT NOT NULL,
        thought TEXT NOT NULL DEFAULT '',
        model TEXT NOT NULL DEFAULT '',
        created REAL NOT NULL,
        note TEXT NOT NULL DEFAULT '',
        seconds REAL NOT NULL DEFAULT 0,
        thought_seconds REAL NOT NULL DEFAULT 0,
        tokens INTEGER NOT NULL DEFAULT 0,
        thought_tokens INTEGER NOT NULL DEFAULT 0,
        context_tokens INTEGER NOT NULL DEFAULT 0,
        rate REAL NOT NULL DEFAULT 0,
        writer TEXT NOT NULL DEFAULT ''  -- the process that writes a running turn
    );
    CREATE INDEX turns_of_conversation ON turns (conversation);
    CREATE INDEX running_turns ON turns (status) WHERE status = 'running';
    CREATE TABLE journal (  -- pieces of running turns, folded into the turn at its end
        turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
        piece INTEGER NOT NULL,
        thought TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (turn, piece)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE conversations ADD COLUMN deleted REAL;  -- when; NULL while it is there
    ALTER TABLE turns ADD COLUMN removal INTEGER;  -- the turn with which it was removed
    CREATE INDEX listed_conversations ON conversations (pinned DESC, updated DESC);
    CREATE INDEX heads ON conversations (head);
    CREATE INDEX turns_of_parent ON turns (parent);
    CREATE INDEX removed_turns ON turns (removal) WHERE removal IS NOT NULL;
    CREATE TABLE removals (  -- what can be undone
        turn INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
        head INTEGER,  -- where the conversation stood, if that was removed
        removed REAL NOT NULL
    );
    CREATE TABLE attachments (
        turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        text TEXT NOT NULL,
        tokens INTEGER NOT NULL,
        PRIMARY KEY (turn, position)
    ) WITHOUT ROWID;
    CREATE TABLE drafts (
        conversation INTEGER UNIQUE REFERENCES conversations (id) ON DELETE CASCADE,
        text TEXT NOT NULL  -- without a conversation: of the one that has not begun
    );
    CREATE VIRTUAL TABLE title_words USING fts5 (
        title, content='conversations', content_rowid='id',
        tokenize='unicode61 remove_diacritics 2'
    );
    CREATE VIRTUAL TABLE turn_words USING fts5 (
        text, thought, content='turns', content_rowid='id',
        tokenize='unicode61 remove_diacritics 2'
    );
    INSERT INTO title_words (title_words) VALUES ('rebuild');
    INSERT INTO turn_words (turn_words) VALUES ('rebuild');
    CREATE TRIGGER title_added AFTER INSERT ON conversations BEGIN
        INSERT INTO title_words (rowid, title) VALUES (new.id, new.title);
    END;
    CREATE TRIGGER title_removed AFTER DELETE ON conversations BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.id, old.title);
    END;
    CREATE TRIGGER title_changed AFTER UPDATE OF title ON conversations BEGIN
        INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', old.id, old.title);
        INSERT INTO title_words (rowid, title) VALUES (new.id, new.title);
    END;
    CREATE TRIGGER turn_added AFTER INSERT ON turns BEGIN
        INSERT INTO turn_words (rowid, text, thought) VALUES (new.id, new.text, new.thought);
    END;
    CREATE TRIGGER turn_removed AFTER DELETE ON turns BEGIN
        INSERT INTO turn_words (turn_words, rowid, text, thought)
        VALUES ('delete', old.id, old.text, old.thought);
    END;
    CREATE TRIGGER turn_changed AFTER UPDATE OF text, thought ON turns BEGIN
        INSERT INTO turn_words (turn_words, rowid, text, thought)
        VALUES ('delete', old.id, old.text, old.thought);
        INSERT INTO turn_words (rowid, text, thought) VALUES (new.id, new.text, new.thought);
    END;
    """,
    """
    ALTER TABLE drafts ADD COLUMN attachments TEXT NOT NULL DEFAULT '[]';  -- as JSON
    """,
    """
    ALTER TABLE drafts ADD COLUMN written REAL NOT NULL DEFAULT 0;  -- seconds since the epoch
    """,
    """
    CREATE TABLE rounds (  -- answers that called tools, before the text of their turn
        turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        thought TEXT NOT NULL,
        text TEXT NOT NULL,
        piece INTEGER NOT NULL,  -- the last one of the journal that it includes
        PRIMARY KEY (turn, number)
    ) WITHOUT ROWID;
    CREATE TABLE calls (
        turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,  -- of its round
        position INTEGER NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        arguments TEXT NOT NULL,
        result TEXT NOT NULL,
        read TEXT NOT NULL,
        status TEXT NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (turn, number, position)
    ) WITHOUT ROWID;
    """,
)
"""One script per version; ``PRAGMA user_version`` counts how many a file has had.

The word indexes do not copy the text; triggers keep them in sync, whoever writes.
"""
