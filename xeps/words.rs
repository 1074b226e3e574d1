//! Searching archives by words. The words of an archive are written down when its owner searches it, from where the last
//! search left off: a message that is sent pays nothing for it.

use std::collections::{BTreeSet, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use waxwing_kernel::Account;
use waxwing_stanza::{Condition, Stanza, StanzaError, ns::CLIENT};
use waxwing_store::{LogQuery, OwnerId};

use crate::presence::unanswering;

/// XEP-0380: the body of such a message is for those who cannot read it.
const ENCRYPTION: &str = "urn:xmpp:eme:0";

/// Entries that are written down at once.
const BATCH: u32 = 64;
/// How long a search waits for its archive. A large one takes longer at its first search, and goes on meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// Archives that are written down at the same time; they take turns after each batch.
const TURNS: usize = 2;

/// Of one message.
const MOST_WORDS: usize = 4096;
/// What one search may ask for, in bytes and in words.
const LONGEST_SEARCH: usize = 1024;
const MOST_SEARCHED: usize = 16;
/// Bytes of a word that count.
const LONGEST_WORD: usize = 64;

/// Makes archives searchable.
pub struct Search {
    patience: Duration,
    turns: Semaphore,
    /// Archives that are being written down, each by one task.
    running: Mutex<HashSet<OwnerId>>,
    /// One of them is no more.
    done: Notify,
}

/// An archive is being written down.
struct Running(Arc<Search>, OwnerId);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.lock().remove(&self.1);
        self.0.done.notify_waiters();
    }
}

impl Search {
    pub fn new() -> Arc<Search> {
        Search::patient(PATIENCE)
    }

    fn patient(patience: Duration) -> Arc<Search> {
        let turns = Semaphore::new(TURNS);
        Arc::new(Search { patience, turns, running: Mutex::default(), done: Notify::new() })
    }

    /// Writes down the words of what came since the last search.
    ///
    /// # Errors
    /// `<resource-constraint/>` where that takes long; it goes on, and a later search finds it done.
    pub async fn catch_up(self: &Arc<Self>, account: &Arc<Account>) -> Result<(), StanzaError> {
        let caught_up = timeout(self.patience, self.write_down_alone(account)).await;
        caught_up.unwrap_or_else(|_| {
            let text = "the archive is large and is being made searchable: search again in a while";
            Err(StanzaError::new(Condition::ResourceConstraint).text(text))
        })
    }

    /// What is begun ends, whether it is waited for or not.
    async fn write_down_alone(self: &Arc<Self>, account: &Arc<Account>) -> Result<(), StanzaError> {
        loop {
            let mut done = pin!(self.done.notified());
            done.as_mut().enable();
            if self.running.lock().insert(account.id) {
                break;
            }
            done.await;
        }
        let (running, account) = (Running(self.clone(), account.id), account.clone());
        let task = tokio::spawn(async move { running.0.write_down(&account).await });
        task.await.unwrap_or_else(|_| Err(Condition::InternalServerError.into()))
    }

    async fn write_down(&self, account: &Account) -> Result<(), StanzaError> {
        let core = account.core();
        core.writer.flush().await;
        let mut head = core.store.search_head(account.id).await.map_err(unanswering)?;
        loop {
            let _turn = self.turns.acquire().await;
            let query = LogQuery { after: head, ..LogQuery::all(BATCH) };
            let rows = core.store.log_archived(account.id, &query).await.map_err(unanswering)?;
            let complete = rows.len() < BATCH as usize;
            let entries: Vec<_> = rows.into_iter().map(|row| (row.seq, words_in(row.stanza))).collect();
            let Some((last, _)) = entries.last() else { return Ok(()) };
            head = *last;
            core.store.search_add(account.id, head, &entries).await.map_err(unanswering)?;
            if complete {
                return Ok(());
            }
        }
    }
}

/// The words that a search asks for: a message must have all of them.
pub fn searched(text: &str) -> Result<Vec<String>, StanzaError> {
    let words = if text.len() > LONGEST_SEARCH { None } else { Some(words([text].into_iter())) };
    match words {
        Some(words) if words.is_empty() => {
            Err(StanzaError::new(Condition::BadRequest).text("there is no word in it"))
        }
        Some(words) if words.len() <= MOST_SEARCHED => Ok(words),
        _ => Err(StanzaError::new(Condition::PolicyViolation).text("too much to search for")),
    }
}

/// The words of a stored message's bodies, in whatever languages.
fn words_in(stored: Arc<[u8]>) -> Vec<String> {
    let Some(message) = Stanza::restore(&stored) else { return Vec::new() };
    if message.has_ns(ENCRYPTION) {
        return Vec::new();
    }
    let element = message.element();
    let bodies: Vec<_> = message
        .children()
        .filter(|child| child.is(element, "body", CLIENT))
        .map(|body| body.text(element))
        .collect();
    words(bodies.iter().map(AsRef::as_ref))
}

/// Letters and digits in lower case, each word once. In scripts without spaces every sign is a word.
fn words<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    for text in texts {
        for letter in text.chars().chain([' ']) {
            let alone = stands_alone(letter);
            if letter.is_alphanumeric() && !alone {
                if word.len() < LONGEST_WORD {
                    word.extend(letter.to_lowercase().filter(|lower| lower.is_alphanumeric()));
                }
                continue;
            }
            let ended = std::mem::take(&mut word);
            for word in [ended, if alone { letter.to_string() } else { String::new() }] {
                if !word.is_empty() && words.len() < MOST_WORDS {
                    words.insert(word);
                }
            }
        }
    }
    words.into_iter().collect()
}

/// Chinese and Japanese.
fn stands_alone(letter: char) -> bool {
    letter.is_alphabetic()
        && matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use waxwing_kernel::Archive;

    use super::*;
    use crate::tests::Server;

    fn of(text: &str) -> Vec<String> {
        words([text].into_iter())
    }

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        assert_eq!(
            of("It was the Lark, the herald; NOT the \"lark\"*"),
            ["herald", "it", "lark", "not", "the", "was"]
        );
        assert_eq!(of("ΛΕΥΚΌΣ Straße 42nd"), ["42nd", "straße", "λευκόσ"]);
        assert_eq!(of("你好 abc漢字"), ["abc", "你", "好", "字", "漢"]);
        assert!(of(" ...!? \u{e000} '' ").is_empty());
        assert!(of(&"ä".repeat(5000))[0].len() <= LONGEST_WORD + 2);
        let many: String = (0..10_000).map(|n| format!("{n} ")).collect();
        assert_eq!(of(&many).len(), MOST_WORDS);
    }

    #[test]
    fn what_may_be_searched_for() {
        assert_eq!(searched("Lark AND herald").unwrap(), ["and", "herald", "lark"]);
        assert_eq!(searched(" ** ").unwrap_err().condition, Condition::BadRequest);
        let many: String = (0..17).map(|n| format!("{n} ")).collect();
        assert_eq!(searched(&many).unwrap_err().condition, Condition::PolicyViolation);
        assert_eq!(searched(&"a".repeat(2000)).unwrap_err().condition, Condition::PolicyViolation);
    }

    #[tokio::test]
    async fn a_large_archive_is_made_searchable_while_nobody_waits() {
        let server = Server::with(Archive::Always).await;
        let romeo = server.login("romeo", "a").await;
        for n in 0..BATCH + 10 {
            romeo.send(&format!("<message to='romeo@c' type='chat'><body>{n}</body></message>")).await;
        }
        let account = &romeo.0.account;
        let hasty = Search::patient(Duration::ZERO);
        let refused = hasty.catch_up(account).await.unwrap_err();
        assert_eq!(refused.condition, Condition::ResourceConstraint);
        // It goes on by itself, and who waits for it is told when it is done.
        let running = || hasty.running.lock().contains(&account.id);
        assert!(running());
        hasty.write_down_alone(account).await.unwrap();
        assert!(!running());
        let head = server.core.store.search_head(account.id).await.unwrap();
        let newest = LogQuery { backwards: true, ..LogQuery::all(1) };
        assert_eq!(head, server.core.store.log_archived(account.id, &newest).await.unwrap()[0].seq);
    }

    #[test]
    fn an_encrypted_message_has_no_words() {
        let stored = |more: &str| {
            let xml = format!(
                "<message from='a@b' to='c@d'><body>One</body><body xml:lang='de'>Zwei</body>{more}</message>"
            );
            words_in(Arc::from(xml.as_bytes()))
        };
        assert_eq!(stored(""), ["one", "zwei"]);
        assert!(stored("<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>").is_empty());
    }
}
