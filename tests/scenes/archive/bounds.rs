//! What an archive and those who ask it are bounded by.

use harness::{Server, StanzaExt, scenes};

use crate::ask::{ask, everything, form, page, refused, set, settled, talked};

scenes! {
    ["archive.policy=always", "archive.page=20"]:
        a_page_has_a_limit;
    ["archive.policy=always", "limits.stanza=20000", "limits.outbox_bytes=65536"]:
        a_client_that_does_not_read;
    ["archive.policy=always", "archive.max_entries=100"]:
        a_full_archive_drops_its_oldest;
}

async fn a_page_has_a_limit(s: &Server) {
    let (mut romeo, _juliet) = talked(s, 25).await;
    for inside in ["", &set(""), &set("<max>1000000</max>")] {
        let page = page(&mut romeo, inside).await;
        assert_eq!((page.found.len(), page.is_complete()), (20, false));
    }
    let own = everything(&mut romeo).await.ids().remove(0);
    let many = vec![&*own; 21];
    assert_eq!(refused(&mut romeo, &form(&[("ids", &many)])).await, "policy-violation");
}

/// It asks and asks: it is refused, and not closed, and what it asked for is not kept for it.
async fn a_client_that_does_not_read(s: &Server) {
    let mut romeo = s.user().await;
    let away = s.account();
    let long = "x".repeat(2000);
    for _ in 0..60 {
        romeo.say(&away.jid, &long).await;
    }
    settled(&mut romeo).await;
    romeo.enable().await;
    romeo.stop_acknowledging();
    let mut refusals = 0;
    for _ in 0..30 {
        match ask(&mut romeo, "").await {
            Ok(page) => assert!(!page.is_complete() && !page.found.is_empty()),
            Err(error) => {
                assert_eq!(error.error(), ("wait".to_owned(), "resource-constraint".to_owned()));
                refusals += 1;
            }
        }
    }
    assert!(refusals > 20, "{refusals}");
    romeo.acknowledge().await;
    assert!(!page(&mut romeo, "").await.found.is_empty());
}

async fn a_full_archive_drops_its_oldest(s: &Server) {
    let (mut romeo, mut juliet) = s.pair().await;
    let away = s.account();
    for n in 1..=125 {
        romeo.say(&away.jid, &n.to_string()).await;
        juliet.say(&away.jid, "j").await;
    }
    settled(&mut romeo).await;
    settled(&mut juliet).await;
    let first = page(&mut romeo, &set("<max>1</max>")).await;
    // Tidied up beside the messages.
    while page(&mut romeo, &set("<max>1</max>")).await.bodies() == ["1"] {}
    // What was on its way meanwhile goes with one of the next.
    let mut last = 125;
    let all = loop {
        last += 1;
        romeo.say(&away.jid, &last.to_string()).await;
        settled(&mut romeo).await;
        let all = everything(&mut romeo).await;
        if (100..=101).contains(&all.found.len()) {
            break all;
        }
        assert!(last < 1125, "{} are kept", all.found.len());
    };
    assert_eq!(all.bodies().last(), Some(&last.to_string()));
    let oldest = first.ids();
    if first.bodies() == ["1"] {
        assert_eq!(
            refused(&mut romeo, &set(&format!("<after>{}</after>", oldest[0]))).await,
            "item-not-found"
        );
    }
    // What waits is not dropped with it: all of them come.
    let mut late = s.login(&away, "one").await;
    late.available(0).await;
    assert_eq!(late.bodies().await.len(), last + 125);
}
