//! Stream management (XEP-0198).

use harness::{Server, scenes};

scenes! {
    []: what_was_not_acknowledged_comes_after_resumption,
}

async fn what_was_not_acknowledged_comes_after_resumption(s: &Server) {
    let mut romeo = s.user().await;
    let account = s.account();
    let mut juliet = s.login(&account, "balcony").await;
    juliet.enable().await;
    juliet.available(0).await;
    romeo.enable().await;
    let to = juliet.jid().to_owned();
    let suspended = juliet.drop_connection();
    for body in ["one", "two", "three"] {
        romeo.say(&to, body).await;
    }
    romeo.acknowledged().await;
    let Ok((mut juliet, h)) = suspended.resume(s, &account).await else { panic!("not resumed") };
    assert_eq!(h, 1, "the presence");
    assert_eq!(juliet.bodies().await, ["one", "two", "three"]);
    romeo.nothing().await;
}
