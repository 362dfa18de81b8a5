-- Of a manifest: the bytes in all its pieces. 0 in rows that are none, or older.
ALTER TABLE blobs ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
