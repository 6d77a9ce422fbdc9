//! Group commit: calls that come while a batch is under way share the next one, so that under load
//! many of them cost one transaction, and a single one waits for nobody.

use std::{future::Future, sync::Arc};

use tokio::sync::{mpsc, oneshot};

/// Calls that wait for a batch, at most; more wait for a place.
const WAITING: usize = 16_384;

struct Call<T, R> {
    item: T,
    answer: oneshot::Sender<Result<R, Arc<anyhow::Error>>>,
}

/// Groups calls; cheap to clone.
pub struct Batcher<T, R>(mpsc::Sender<Call<T, R>>);

impl<T, R> Clone for Batcher<T, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone + Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// Groups at most `most` calls into one `run`, which answers each in the order of the items. A
    /// batch that fails is run again item by item, so that one bad item fails alone. Ends with the last
    /// clone.
    pub fn new<Run, Running>(most: usize, run: Run) -> Self
    where
        Run: Fn(Vec<T>) -> Running + Send + Sync + 'static,
        Running: Future<Output = anyhow::Result<Vec<R>>> + Send,
    {
        let (sender, mut waiting) = mpsc::channel::<Call<T, R>>(WAITING);
        tokio::spawn(async move {
            let mut calls = Vec::with_capacity(most);
            while waiting.recv_many(&mut calls, most).await > 0 {
                let items: Vec<T> = calls.iter().map(|call| call.item.clone()).collect();
                match run(items).await {
                    Ok(answers) => {
                        for (call, answer) in calls.drain(..).zip(answers) {
                            // Whoever asked has gone away: what it asked for is done all the same.
                            let _ = call.answer.send(Ok(answer));
                        }
                    }
                    Err(error) if calls.len() == 1 || crate::consumer::is_away(&error) => {
                        let error = Arc::new(error);
                        for call in calls.drain(..) {
                            let _ = call.answer.send(Err(error.clone()));
                        }
                    }
                    Err(_) => {
                        for Call { item, answer } in calls.drain(..) {
                            let alone = run(vec![item]).await;
                            let alone = alone.and_then(|mut answers| {
                                answers
                                    .pop()
                                    .ok_or_else(|| anyhow::anyhow!("a batch of one gave no answer"))
                            });
                            let _ = answer.send(alone.map_err(Arc::new));
                        }
                    }
                }
            }
        });
        Self(sender)
    }

    /// Has `item` dealt with, together with whatever else is asked for meanwhile.
    ///
    /// # Errors
    /// That of the batch.
    pub async fn call(&self, item: T) -> anyhow::Result<R> {
        let (answer, answered) = oneshot::channel();
        let ended = || anyhow::anyhow!("the process is stopping");
        self.0
            .send(Call { item, answer })
            .await
            .map_err(|_| ended())?;
        answered
            .await
            .map_err(|_| ended())?
            .map_err(|error| anyhow::anyhow!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn calls_that_come_meanwhile_share_a_batch_and_each_gets_its_own_answer() {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let batcher = Batcher::new(100, move |items: Vec<u32>| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(items.into_iter().map(|item| item * 2).collect())
            }
        });
        let calls = (0..50).map(|item| {
            let batcher = batcher.clone();
            async move { (item, batcher.call(item).await.unwrap()) }
        });
        for (item, answer) in futures::future::join_all(calls).await {
            assert_eq!(answer, item * 2);
        }
        assert!(runs.load(Ordering::Relaxed) <= 3);
    }

    #[tokio::test]
    async fn a_bad_item_fails_alone() {
        let batcher = Batcher::new(100, |items: Vec<u32>| async move {
            anyhow::ensure!(!items.contains(&7), "seven");
            Ok(items)
        });
        let calls = (0..10).map(|item| {
            let batcher = batcher.clone();
            async move { (item, batcher.call(item).await) }
        });
        for (item, answer) in futures::future::join_all(calls).await {
            assert_eq!(answer.is_err(), item == 7, "{item}");
        }
    }
}
