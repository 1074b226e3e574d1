//! `waxwing reports`.

use jid::Jid;
use waxwing_admin::{
    AdminError, Operator, ReportContent, ReportInfo, ReportedMessage, report_name, report_named,
};
use waxwing_config::Config;
use waxwing_store::ReportQuery;

use crate::cli::ReportsCommand;
use crate::operator::{date, said, through};
use crate::print;

/// Runs one command.
pub async fn run(config: &Config, command: ReportsCommand) -> Result<(), String> {
    match command {
        ReportsCommand::List { host, reported } => {
            let host = host.map(|host| address(&host)).transpose()?;
            let reported = reported.map(|reported| address(&reported)).transpose()?;
            let query = ReportQuery { after: 0, host, reported };
            through(config, false, async |operator| list(operator, query).await).await
        }
        ReportsCommand::Show { id } => {
            let id = report_named(&id).map_err(said)?;
            let show = async |operator: &dyn Operator| {
                let (info, content) = operator.report(id).await?;
                print(&shown(&info, &content)).map_err(AdminError)
            };
            through(config, false, show).await
        }
        ReportsCommand::Remove { id } => {
            let id = report_named(&id).map_err(said)?;
            let remove = async |operator: &dyn Operator| {
                operator.remove_report(id).await?;
                print(&format!("report {} removed\n", report_name(id))).map_err(AdminError)
            };
            through(config, false, remove).await
        }
    }
}

/// A JID as the server prepares it.
fn address(text: &str) -> Result<String, String> {
    Jid::new(text).map(|jid| jid.to_string()).map_err(|error| format!("{text:?} is no JID: {error}"))
}

async fn list(operator: &dyn Operator, mut query: ReportQuery) -> Result<(), AdminError> {
    loop {
        let page = operator.reports(&query).await?;
        let Some(last) = page.last() else { return Ok(()) };
        query.after = last.id;
        print(&page.iter().map(line).collect::<String>()).map_err(AdminError)?;
    }
}

fn line(info: &ReportInfo) -> String {
    let ReportInfo { id, reporter, reported, reason, messages } = info;
    let (id, at, reported, reason) = (report_name(*id), date(info.at()), plain(reported), plain(reason));
    format!("{id}  {at}  {reporter} reports {reported}: {reason}, {messages} messages\n")
}

fn shown(info: &ReportInfo, content: &ReportContent) -> String {
    let yes_no = |it| if it { "yes" } else { "no" };
    let mut text = format!(
        "report    {}\nmade      {}\nby        {}\nagainst   {}\nreason    {}\n\
         may be told to their server: {}, to others: {}\n",
        report_name(info.id),
        date(info.at()),
        info.reporter,
        plain(&info.reported),
        plain(&info.reason),
        yes_no(content.report_origin),
        yes_no(content.third_party)
    );
    for (lang, said) in &content.texts {
        let lang = lang.as_ref().map_or(String::new(), |lang| format!(" ({})", plain(lang)));
        text.push_str(&format!("text{lang}: {}\n", plain(said)));
    }
    content.messages.iter().for_each(|message| text.push_str(&one(message)));
    text
}

fn one(message: &ReportedMessage) -> String {
    let ReportedMessage { by, id, at, stanza } = message;
    let (by, id) = (plain(by), plain(id));
    match (at, stanza) {
        (None, _) => format!("message {id} by {by}: not in the reporter's archive, or not by the reported\n"),
        (Some(at), None) => format!("message {id} of {}: too large to be kept\n", date(*at)),
        (Some(at), Some(stanza)) => format!("message {id} of {}:\n  {}\n", date(*at), plain(stanza)),
    }
}

/// What somebody wrote, fit for a terminal: whatever could steer it is spelt out.
fn plain(text: &str) -> String {
    let steers = |it: char| {
        it.is_control()
            || matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|it| if steers(it) { it.escape_unicode().to_string() } else { it.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_steers_a_terminal_is_spelt_out() {
        assert_eq!(plain("a\u{9b}2J\nb\u{202e}\u{1b}é'\""), "a\\u{9b}2J\\u{a}b\\u{202e}\\u{1b}é'\"");
    }
}
