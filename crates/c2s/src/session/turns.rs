//! In which order the sessions of a busy thread have their turns.
//!
//! Who is woken to write would be next in the runtime's queue, so that reading, handling and writing take turns with every
//! stanza, and the processor fetches the code of each anew. Where much is to be done many read one after the other, and
//! then many write.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

/// A thread that sessions have had so many turns on since it last slept is busy. On one that is not, to go to the end of
/// the queue would wake another thread to look what is in it.
const BUSY: u32 = 16;

thread_local! {
    static TURNS: Cell<u32> = const { Cell::new(0) };
}

/// Counts a turn on this thread; says whether that is busy.
pub(super) fn count() -> bool {
    let turns = TURNS.get().saturating_add(1);
    TURNS.set(turns);
    turns >= BUSY
}

/// To be called by the runtime before a thread of its sleeps.
pub fn thread_sleeps() {
    TURNS.set(0);
}

/// Goes to the end of the queue of those who are to run on this thread.
pub(super) async fn others_first() {
    let mut asked = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_busy_after_many_turns_until_it_sleeps() {
        thread_sleeps();
        assert!((1..BUSY).all(|_| !count()));
        assert!(count() && count());
        thread_sleeps();
        assert!(!count());
    }

    #[test]
    fn those_who_are_to_run_go_first() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let order = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
        let turn = |name: &'static str, lets: bool| {
            let order = order.clone();
            async move {
                if lets {
                    others_first().await;
                }
                order.lock().push(name);
            }
        };
        runtime.block_on(async {
            let tasks = [tokio::spawn(turn("writer", true)), tokio::spawn(turn("reader", false))];
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(*order.lock(), ["reader", "writer"]);
    }
}
