//! How long a streamed body is waited for: each message once it has begun, and the next while nothing moves either way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Code;

use crate::limits::Limits;
use crate::problem::Problem;

/// Waits of one streamed body. It has a timer only once there was a wait.
#[derive(Debug)]
pub(crate) struct Patience {
    /// From the first wait for the rest of a message until it is whole.
    message: Duration,
    /// While nothing moves in either direction; zero is without end.
    idle: Duration,
    /// The message whose rest is waited for.
    begun: Option<u64>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { message: limits.body, idle: limits.stream_idle, begun: None, timer: None }
    }

    /// Resolves when the client has had its time. Called while nothing of the body is there: `begun` is the message, from 1,
    /// of which a part is there, `moved` when anything moved in either direction for the last time.
    pub(crate) fn poll(&mut self, begun: Option<u64>, moved: Instant, cx: &mut Context<'_>) -> Poll<Problem> {
        if self.begun != begun {
            (self.begun, self.timer) = (begun, None);
        }
        if begun.is_none() && self.idle.is_zero() {
            return Poll::Pending;
        }
        loop {
            let until = if begun.is_some() { Instant::now() + self.message } else { moved + self.idle };
            ready!(self.timer.get_or_insert_with(|| Box::pin(sleep_until(until))).as_mut().poll(cx));
            self.timer = None;
            match begun {
                Some(number) => return Poll::Ready(self.late(number)),
                // what moved since the timer was set moves the end
                None if moved + self.idle > Instant::now() => {}
                None => return Poll::Ready(self.quiet()),
            }
        }
    }

    fn late(&self, number: u64) -> Problem {
        let text = format!("message {number} did not arrive within {} seconds", self.message.as_secs());
        Problem::new(Code::DeadlineExceeded, StatusCode::REQUEST_TIMEOUT, text)
    }

    fn quiet(&self) -> Problem {
        let text = format!("nothing was sent or received for {} seconds", self.idle.as_secs());
        Problem::new(Code::DeadlineExceeded, StatusCode::REQUEST_TIMEOUT, text)
    }
}

#[cfg(test)]
mod tests {
    //! With a clock that stands still until somebody waits.

    use std::future::poll_fn;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn patience(message: u32, idle: u32) -> Patience {
        Patience::new(&Limits { body: message * SECOND, stream_idle: idle * SECOND, ..Limits::default() })
    }

    async fn waits(patience: &mut Patience, begun: Option<u64>, moved: Instant) -> (u64, String) {
        let began = Instant::now();
        let problem = poll_fn(|cx| patience.poll(begun, moved, cx)).await;
        (began.elapsed().as_secs(), problem.message)
    }

    /// Looks once, as whoever reads a body does when nothing of it is there.
    async fn look(patience: &mut Patience, begun: Option<u64>, moved: Instant) -> bool {
        poll_fn(|cx| Poll::Ready(patience.poll(begun, moved, cx).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_has_its_time_however_often_a_part_of_it_comes() {
        let mut patience = patience(60, 300);
        for _ in 0..5 {
            assert!(!look(&mut patience, Some(7), Instant::now()).await);
            tokio::time::advance(10 * SECOND).await;
        }
        let (waited, text) = waits(&mut patience, Some(7), Instant::now()).await;
        assert_eq!((waited, text.as_str()), (10, "message 7 did not arrive within 60 seconds"));
        // the next one has its own
        assert_eq!(waits(&mut patience, Some(8), Instant::now()).await.0, 60);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_stream_and_movement_either_way_is_none() {
        let mut patience = patience(60, 300);
        let began = Instant::now();
        assert!(!look(&mut patience, None, began).await);
        tokio::time::advance(299 * SECOND).await;
        // an answer was sent, which the timer knows nothing of
        let moved = Instant::now();
        let (waited, text) = waits(&mut patience, None, moved).await;
        assert_eq!((waited, text.as_str()), (300, "nothing was sent or received for 300 seconds"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_came_gives_way_to_silence() {
        let mut patience = patience(60, 300);
        assert!(!look(&mut patience, Some(1), Instant::now()).await);
        tokio::time::advance(59 * SECOND).await;
        assert_eq!(waits(&mut patience, None, Instant::now()).await.0, 300);
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_is_no_timer() {
        let mut patience = patience(60, 0);
        assert!(!look(&mut patience, None, Instant::now()).await);
        assert!(patience.timer.is_none());
        assert_eq!(waits(&mut patience, Some(1), Instant::now()).await.0, 60);
    }
}
