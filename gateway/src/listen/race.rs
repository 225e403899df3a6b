//! Work that goes on until something happens that hardly ever does.

use std::pin::Pin;
use std::task::Poll;

use futures_util::StreamExt as _;
use futures_util::future::poll_fn;
use futures_util::stream::FuturesUnordered;

/// How a race ends.
pub(super) enum Winner<W, E> {
    Work(W),
    Event(E),
}

/// Drives work until it is done or the event has come. Work is woken thousands of times a second, and each look at a timer
/// or at a token costs a lock: the event is polled only when it was itself woken.
pub(super) fn race<W, E>(
    mut work: Pin<&mut W>,
    event: E,
) -> impl Future<Output = Winner<W::Output, E::Output>>
where
    W: Future,
    E: Future,
{
    let mut event: FuturesUnordered<E> = std::iter::once(event).collect();
    poll_fn(move |cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Winner::Work(done));
        }
        match event.poll_next_unpin(cx) {
            Poll::Ready(Some(event)) => Poll::Ready(Winner::Event(event)),
            // there is one event, and the race ends with it
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    })
}

#[cfg(test)]
mod tests {
    //! Both ends, and how often the event is looked at.
    #![allow(clippy::panic, reason = "tests")]

    use std::cell::Cell;
    use std::future::ready;
    use std::pin::pin;
    use std::time::Duration;

    use tokio::task::yield_now;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_is_first_wins() {
        let slow = pin!(sleep(Duration::from_secs(2)));
        assert!(matches!(race(slow, sleep(Duration::from_secs(1))).await, Winner::Event(())));
        let quick = pin!(sleep(Duration::from_secs(1)));
        assert!(matches!(race(quick, sleep(Duration::from_secs(2))).await, Winner::Work(())));
        assert!(matches!(race(pin!(ready(1)), ready(2)).await, Winner::Work(1)));
    }

    #[tokio::test]
    async fn an_event_is_not_looked_at_while_work_is_woken() {
        let looks = Cell::new(0);
        let work = pin!(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
        let event = poll_fn(|_| {
            looks.set(looks.get() + 1);
            Poll::<()>::Pending
        });
        assert!(matches!(race(work, event).await, Winner::Work(())));
        assert_eq!(looks.get(), 1);
    }
}
