-- Stands before prosody.cfg.lua where the archive is on. https://prosody.im/doc/modules/mod_mam
default_archive_policy = true
-- "internal" is Debian's default; for "sql" see https://prosody.im/doc/storage and https://prosody.im/doc/modules/mod_storage_sql
local archive = "@STORE@"
sql = {
	driver = "PostgreSQL", database = "@NAME@", host = "@HOST@", port = tonumber("@DBPORT@"),
	username = "@USER@", password = "@PASSWORD@",
}

