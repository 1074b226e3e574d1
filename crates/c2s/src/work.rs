//! Work that takes milliseconds of CPU, kept off the threads that serve streams.

use std::thread::available_parallelism;

use tokio::sync::Semaphore;

/// Runs at most as many pieces of work at a time as there are processors; the rest wait their turn.
pub struct Work(Semaphore);

impl Work {
    pub fn new() -> Work {
        Work(Semaphore::new(available_parallelism().map_or(1, usize::from)))
    }

    /// `None` if the work panicked.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        // The semaphore is never closed.
        let _permit = self.0.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}
