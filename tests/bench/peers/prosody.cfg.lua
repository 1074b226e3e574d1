-- Throw-away server of the benchmark. @…@ is filled in when it starts.

-- Nothing here outlives the run.
run_as_root = true
daemonize = false
data_path = "@DATA@"
pidfile = "@DATA@/prosody.pid"
log = { warn = "@DATA@/log" }

-- Every server gets clients by direct TLS, with the same ECDSA P-256 certificate.
interfaces = { "127.0.0.1" }
c2s_ports = {}
c2s_direct_tls_ports = { @PORT@ }
c2s_direct_tls_ssl = { certificate = "@CERTIFICATE@", key = "@CERTIFICATE@" }

-- What Waxwing has switched on, and no more; without limits on rates.
modules_disabled = { "s2s" }
local modules = {
	"roster", "saslauth", "tls", "disco", "smacks", "carbons", "blocklist", "private", "ping", "time", "version",
	"lastactivity",
	-- The load generator makes its accounts with it.
	"register_ibr",
}
-- Set by prosody-archive.lua, which stands before this where the archive is on.
if archive then
	table.insert(modules, "mam")
	storage = { archive = archive }
end
modules_enabled = modules
allow_registration = true
authentication = "internal_hashed"
-- What ejabberd 23.01 has fixed. The server pays them when an account is made, the client at each login.
default_iteration_count = 4096
-- The default of Debian's package.
default_storage = "internal"

VirtualHost "localhost"
	ssl = { certificate = "@CERTIFICATE@", key = "@CERTIFICATE@" }
