//! `waxwing user`.

use jid::BareJid;
use waxwing_admin::{
    AccountInfo, AdminError, DeviceInfo, Draft, Imported, Operator, PasswordSource, PushInfo, Setting,
    import, read_password,
};
use waxwing_config::Config;
use waxwing_sasl::Keys;

use crate::cli::{PasswordArgs, UserCommand};
use crate::operator::{date, said, through};
use crate::print;

/// Existing accounts that an import names one by one.
const NAMED: usize = 20;

/// Runs one command, through the running server where there is one.
pub async fn run(config: &Config, command: UserCommand) -> Result<(), String> {
    // Everything that can be wrong with the command itself, before anything is opened.
    let job = Job::of(config, command)?;
    let making = matches!(job, Job::Add(_) | Job::Import(_));
    through(config, making, async |operator| job.run(config, operator).await).await
}

enum Job {
    Add(Draft),
    SetKeys(BareJid, Keys),
    SetDisabled(BareJid, bool),
    Set(BareJid, Vec<Setting>),
    Remove(BareJid),
    Devices(BareJid),
    Revoke(BareJid, String),
    Show(BareJid),
    Push(BareJid),
    List,
    Import(std::path::PathBuf),
}

impl Job {
    fn of(config: &Config, command: UserCommand) -> Result<Self, String> {
        Ok(match command {
            UserCommand::Add { jid, password } => {
                let jid = account(&jid)?;
                served(config, &jid).map_err(said)?;
                Job::Add(Draft { jid, keys: keys(config, password)?, admin: false })
            }
            UserCommand::Passwd { jid, password } => Job::SetKeys(account(&jid)?, keys(config, password)?),
            UserCommand::Disable { jid } => Job::SetDisabled(account(&jid)?, true),
            UserCommand::Enable { jid } => Job::SetDisabled(account(&jid)?, false),
            UserCommand::Set { jid, settings } => {
                let settings = settings.iter().map(|text| text.parse()).collect::<Result<_, _>>();
                Job::Set(account(&jid)?, settings.map_err(said)?)
            }
            UserCommand::Remove { jid } => Job::Remove(account(&jid)?),
            UserCommand::Devices { jid, revoke: None } => Job::Devices(account(&jid)?),
            UserCommand::Devices { jid, revoke: Some(id) } => {
                Job::Revoke(account(&jid)?, id.to_ascii_lowercase())
            }
            UserCommand::Show { jid } => Job::Show(account(&jid)?),
            UserCommand::Push { jid } => Job::Push(account(&jid)?),
            UserCommand::List => Job::List,
            UserCommand::Import { file } => Job::Import(file),
        })
    }

    async fn run(self, config: &Config, operator: &dyn Operator) -> Result<(), AdminError> {
        let text = match self {
            Job::Add(draft) => {
                let jid = draft.jid.clone();
                match operator.create(vec![draft]).await?.as_slice() {
                    [true] => format!("{jid} added\n"),
                    _ => return Err(AdminError(format!("{jid} exists already"))),
                }
            }
            Job::SetKeys(jid, keys) => {
                operator.set_keys(&jid, keys).await?;
                format!("{jid} has a new password\n")
            }
            Job::SetDisabled(jid, disabled) => {
                operator.set_disabled(&jid, disabled).await?;
                format!("{jid} {}\n", if disabled { "disabled" } else { "enabled" })
            }
            Job::Set(jid, settings) => {
                let mut text = String::new();
                for setting in settings {
                    operator.set(&jid, setting).await?;
                    text.push_str(&format!("{jid} {setting}\n"));
                }
                text
            }
            Job::Remove(jid) => {
                operator.remove(&jid).await?;
                format!("{jid} removed\n")
            }
            Job::Devices(jid) => operator.devices(&jid).await?.iter().map(device).collect(),
            Job::Revoke(jid, id) => {
                operator.revoke(&jid, &id).await?;
                format!("{jid}: device {id} revoked\n")
            }
            Job::Show(jid) => shown(&operator.show(&jid).await?),
            Job::Push(jid) => pushes(&operator.push(&jid).await?),
            Job::List => return list(operator).await,
            Job::Import(file) => {
                let serves = |jid: &BareJid| served(config, jid);
                report(&import(&file, config.sasl.iterations, &serves, operator).await?)
            }
        };
        print(&text).map_err(AdminError)
    }
}

async fn list(operator: &dyn Operator) -> Result<(), AdminError> {
    let mut after = None;
    loop {
        let page = operator.list(after.as_deref()).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.jid.clone());
        let lines: String = page.iter().map(|info| format!("{}{}\n", info.jid, marks(info))).collect();
        print(&lines).map_err(AdminError)?;
    }
}

fn marks(info: &AccountInfo) -> String {
    let marks = [(info.admin, " admin"), (info.disabled, " disabled")];
    marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect()
}

fn shown(info: &AccountInfo) -> String {
    let yes_no = |it| if it { "yes" } else { "no" };
    format!(
        "account   {}\nadmin     {}\ndisabled  {}\ncreated   {}\npending   {}\nsessions  {}\nlast_seen {}\narchive   {}\n\
         retention {}\n",
        info.jid,
        yes_no(info.admin),
        yes_no(info.disabled),
        date(info.created),
        info.pending,
        if info.resources.is_empty() { "none".to_owned() } else { info.resources.join(" ") },
        info.last_seen,
        info.archive,
        info.retention
    )
}

fn device(info: &DeviceInfo) -> String {
    let named = |name: &str| if name.is_empty() { "-".to_owned() } else { name.to_owned() };
    let token = if info.token { "token" } else { "-" };
    let (seen, software, name) = (date(info.seen), named(&info.software), named(&info.name));
    format!("{}  {seen}  {token:<5}  {software}  {name}\n", info.id)
}

fn pushes(registrations: &[PushInfo]) -> String {
    if registrations.is_empty() {
        return "no registrations\n".to_owned();
    }
    registrations.iter().map(push).collect::<Vec<_>>().join("\n")
}

fn push(PushInfo { jid, node, resource, ledger }: &PushInfo) -> String {
    let counted = |count: u64, at: i64| match at {
        0 => count.to_string(),
        at => format!("{count}, last {}", date(at)),
    };
    let condition = ledger.last_error.as_ref().map_or(String::new(), |error| format!(", {error}"));
    format!(
        "service     {jid}\nnode        {}\nresource    {resource}\nregistered  {}\nqueued      {}\nsent        {}\n\
         answered    {}\nerrors      {}{condition}\n",
        // Whatever a client wrote must not reach the terminal as it is.
        node.as_deref().map_or("none".to_owned(), |node| node.escape_debug().to_string()),
        date(ledger.registered),
        counted(ledger.queued, ledger.last_queued),
        counted(ledger.sent, ledger.last_sent),
        counted(ledger.answered, ledger.last_answered),
        counted(ledger.errors, ledger.last_error_at),
    )
}

fn report(imported: &Imported) -> String {
    let existing = &imported.existing;
    let mut text: String = existing
        .iter()
        .take(NAMED)
        .map(|(number, jid)| format!("line {number}: {jid} exists already and stays as it was\n"))
        .collect();
    if existing.len() > NAMED {
        text.push_str(&format!("... and {} more that exist already\n", existing.len() - NAMED));
    }
    text.push_str(&format!("{} accounts made, {} existed\n", imported.made, existing.len()));
    text
}

fn account(text: &str) -> Result<BareJid, String> {
    // Twice, as all that a client writes: preparing once is not enough for every character (docs/jids.md).
    match BareJid::new(text).and_then(|once| BareJid::new(once.as_str())) {
        Ok(jid) if jid.node().is_some() => Ok(jid),
        Ok(jid) => Err(format!("{text:?} names no account: write user@domain, such as {jid}@localhost")),
        Err(error) => Err(format!("{text:?} is no JID of an account, which is user@domain: {error}")),
    }
}

fn served(config: &Config, jid: &BareJid) -> Result<(), AdminError> {
    if config.serves(jid.domain()) {
        return Ok(());
    }
    let ours: Vec<&str> = config.hosts.iter().map(|host| host.as_str()).collect();
    let why =
        format!("{} is not served here, but {} (keys `domain`, `hosts`)", jid.domain(), ours.join(", "));
    Err(AdminError(why))
}

fn keys(config: &Config, password: PasswordArgs) -> Result<Keys, String> {
    let password = read_password(PasswordSource::from(password)).map_err(said)?;
    Keys::derive(&password, config.sasl.iterations).map_err(|error| error.to_string())
}
