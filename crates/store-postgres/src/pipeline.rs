//! One transaction, its statements sent without waiting for the answer to each.

use std::future::{Future, poll_fn};
use std::pin::Pin;

use deadpool_postgres::ClientWrapper;
use futures_util::future::{BoxFuture, maybe_done};
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

/// Statements under way at once.
const LENGTH: usize = 64;

/// A statement with its parameters.
pub(crate) struct Statement<'a> {
    pub sql: &'static str,
    pub values: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
}

/// Runs the statements in order in one transaction. After an error it is rolled back.
pub(crate) async fn transaction(client: &ClientWrapper, statements: Vec<Statement<'_>>) -> Result<(), Error> {
    let mut prepared = Vec::with_capacity(statements.len());
    for statement in statements {
        prepared.push((client.prepare_cached(statement.sql).await?, statement.values));
    }
    let mut jobs: Vec<BoxFuture<'_, Result<(), Error>>> = Vec::with_capacity(prepared.len() + 2);
    jobs.push(Box::pin(client.batch_execute("BEGIN")));
    for (sql, values) in &prepared {
        jobs.push(Box::pin(async move {
            let values = values.iter().map(|value| &**value as &(dyn ToSql + Sync));
            client.execute_raw(sql, values).await.map(drop)
        }));
    }
    jobs.push(Box::pin(client.batch_execute("COMMIT")));

    let mut jobs = jobs.into_iter().peekable();
    while jobs.peek().is_some() {
        if let Err(error) = together(jobs.by_ref().take(LENGTH).collect()).await {
            // A no-op where the failed transaction's COMMIT was already sent: that rolls back.
            let _ = client.batch_execute("ROLLBACK").await;
            return Err(error);
        }
    }
    Ok(())
}

/// Polls the jobs in their order, which is the order in which they are sent, until all are done; gives the first
/// error, the cause of those after it.
async fn together(jobs: Vec<BoxFuture<'_, Result<(), Error>>>) -> Result<(), Error> {
    let mut jobs: Vec<_> = jobs.into_iter().map(maybe_done).collect();
    poll_fn(|context| {
        let mut done = true;
        for job in &mut jobs {
            done &= Pin::new(job).poll(context).is_ready();
        }
        if done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    jobs.iter_mut().filter_map(|job| Pin::new(job).take_output()).collect()
}
