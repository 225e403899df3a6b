//! The allocator, and what makes it give back what is not needed any longer.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// Messages are made and dropped on one thread, most of them of few sizes: a fifth of a small request was glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Between two looks at what is free. What was used again since the last one stays where it is.
const PAUSE: Duration = Duration::from_secs(1);

/// Gives the memory back that this thread has freed a while ago, for ever.
///
/// The allocator does this only while it is asked for more: without it a gateway that has nothing to do keeps what its
/// largest answers needed. To give back at once instead costs a fifth of a large request, in page faults.
pub(crate) async fn give_back() {
    let mut pauses = interval(PAUSE);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pauses.tick().await;
        collect();
    }
}

#[allow(unsafe_code, reason = "the allocator offers this to C alone")]
fn collect() {
    // SAFETY: it may be called at any time, on any thread, and looks at this thread's own heap; nothing that is in use
    // moves. False: what is likely to be used again is left alone.
    unsafe { libmimalloc_sys::mi_collect(false) }
}
