-- Throw-away server of the benchmark. @…@ is filled in when it starts.

-- Nothing here outlives the run.
run_as_root = true
daemonize = false
data_path = "@DATA@"
pidfile = "@DATA@/prosody.pid"
-- Not every stanza: https://prosody.im/doc/logging
log = { warn = "@DATA@/log" }

-- Every server gets clients by direct TLS, with the same ECDSA P-256 certificate: https://prosody.im/doc/ports and
-- https://prosody.im/doc/certificates
interfaces = { "127.0.0.1" }
c2s_ports = {}
c2s_direct_tls_ports = { @PORT@ }
c2s_direct_tls_ssl = { certificate = "@CERTIFICATE@", key = "@CERTIFICATE@" }

-- With Nagle's algorithm every login waits 40 ms for an acknowledgement that the client's kernel holds back. ejabberd and
-- Waxwing switch it off by themselves; a setting of https://prosody.im/doc/network_backend, said in net/server_epoll.lua.
network_settings = { nagle = false }

-- "generational", which takes a quarter to a half less time for a third more memory; "incremental", the default, where
-- sessions rest and memory is what counts: https://prosody.im/doc/advanced_gc
gc = { mode = "@COLLECTOR@" }

-- What Waxwing has switched on, and no more; without limits on rates: https://prosody.im/doc/modules_enabled. mod_limits,
-- which is Debian's default, is not among them.
modules_disabled = { "s2s" }
local modules = {
	"roster", "saslauth", "tls", "disco", "smacks", "carbons", "blocklist", "private", "ping", "time", "version",
	"lastactivity",
}
-- Set by prosody-archive.lua, which stands before this where the archive is on.
if archive then
	table.insert(modules, "mam")
	storage = { archive = archive }
end
modules_enabled = modules
-- Hashed, as the others keep theirs: https://prosody.im/doc/modules/mod_auth_internal_hashed
authentication = "internal_hashed"
-- The default of Debian's package: https://prosody.im/doc/storage
default_storage = "internal"

VirtualHost "localhost"
	ssl = { certificate = "@CERTIFICATE@", key = "@CERTIFICATE@" }
