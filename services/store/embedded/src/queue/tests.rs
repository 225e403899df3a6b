//! The queue: bounded, in order, closed from either side.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Queue;

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait() {
    let queue = Queue::new(2);
    queue.push(1).await.unwrap();
    queue.push(2).await.unwrap();
    let mut third = Box::pin(queue.push(3));
    assert!(poll(third.as_mut()).is_pending());
    assert_eq!(queue.pop(), Some(1));
    assert!(matches!(poll(third.as_mut()), Poll::Ready(Ok(()))));
    assert_eq!((queue.try_pop(), queue.try_pop(), queue.try_pop()), (Some(2), Some(3), None));
}

#[tokio::test]
async fn a_caller_that_gives_up_takes_no_place() {
    let queue = Queue::new(1);
    queue.push(1).await.unwrap();
    let mut waiting = Box::pin(queue.push(2));
    assert!(poll(waiting.as_mut()).is_pending());
    drop(waiting);
    assert_eq!(queue.pop(), Some(1));
    queue.push(3).await.unwrap();
    assert_eq!(queue.pop(), Some(3));
}

#[tokio::test]
async fn a_closed_queue_gives_out_what_it_has() {
    let queue = Queue::new(1);
    queue.push(1).await.unwrap();
    let mut waiting = Box::pin(queue.push(2));
    assert!(poll(waiting.as_mut()).is_pending());
    queue.close();
    assert!(waiting.await.is_err());
    assert!(queue.push(3).await.is_err());
    assert_eq!((queue.pop(), queue.pop()), (Some(1), None));
}

#[tokio::test]
async fn an_abandoned_queue_drops_what_it_has() {
    let queue = Queue::new(4);
    let item = Arc::new(());
    queue.push(Arc::clone(&item)).await.unwrap();
    queue.abandon();
    assert_eq!(Arc::strong_count(&item), 1);
    assert_eq!(queue.pop(), None);
}

#[test]
fn closing_wakes_the_threads() {
    let queue = Arc::new(Queue::<u8>::new(1));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || queue.pop())
        })
        .collect();
    queue.close();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), None);
    }
}
