//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use waxwing_admin::PasswordSource;

/// Waxwing, an XMPP messaging server. Without a command: serve.
#[derive(Debug, Parser)]
#[command(name = "waxwing", version, about)]
pub struct Cli {
    /// The configuration file [default: waxwing.toml in the working directory, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The data folder, as the key `data`
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Sets a configuration key, over the file: a TOML value or bare text. May be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until SIGTERM or SIGINT; SIGHUP reloads the certificates
    Serve {
        /// Written once it serves: the real addresses under their keys, and the process id, as JSON
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
    /// Judges or shows the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Manages accounts, while the server runs or not
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Shows what users reported when they blocked somebody, while the server runs or not
    Reports {
        #[command(subcommand)]
        command: ReportsCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum ReportsCommand {
    /// Lists reports, oldest first: id, time, who reported whom, why, and how many messages it holds
    List {
        /// Only those by accounts of this domain
        #[arg(long, value_name = "DOMAIN")]
        host: Option<String>,
        /// Only those of this JID; a domain stands for everybody there
        #[arg(long, value_name = "JID")]
        reported: Option<String>,
    },
    /// Shows a report with its text and the messages that it names
    Show { id: String },
    /// Removes a report
    Remove { id: String },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Says whether the configuration is valid
    Check,
    /// Prints every key, the value in force and where it was set
    Show,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Makes an account
    Add {
        jid: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Gives an account a new password
    Passwd {
        jid: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Lists all accounts
    List,
    /// Shows an account
    Show { jid: String },
    /// Lists an account's devices: id, last login, software, name, and whether they hold a token
    Devices {
        jid: String,
        /// Forgets this device: voids its tokens and ends its sessions
        #[arg(long, value_name = "ID")]
        revoke: Option<String>,
    },
    /// Shows an account's registrations for push notifications, and what became of them
    Push { jid: String },
    /// Keeps an account from logging in and ends its sessions
    Disable { jid: String },
    /// Lets a disabled account log in again
    Enable { jid: String },
    /// Changes settings of an account: archive=always|roster|never|until-delivered|default, retention=DAYS|default,
    /// last_seen=contacts|nobody. An archive that is to keep nothing is emptied
    Set {
        jid: String,
        #[arg(required = true, value_name = "NAME=VALUE")]
        settings: Vec<String>,
    },
    /// Removes an account and everything it owns
    Remove { jid: String },
    /// Makes the accounts of a file, one `jid password` a line
    Import { file: PathBuf },
}

/// Without any: asked for on the terminal.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct PasswordArgs {
    /// The password; other users of this machine may see it in the process list
    #[arg(long, value_name = "PASSWORD")]
    password: Option<String>,

    /// Takes the password from the first line of standard input
    #[arg(long)]
    stdin: bool,
}

impl From<PasswordArgs> for PasswordSource {
    fn from(args: PasswordArgs) -> Self {
        match args {
            PasswordArgs { password: Some(password), .. } => PasswordSource::Given(password),
            PasswordArgs { stdin: true, .. } => PasswordSource::Stdin,
            _ => PasswordSource::Prompt,
        }
    }
}
