//! Options of client sockets: streams flow at once, peers that vanished are noticed.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;

/// Silence before the first keep-alive probe, the time between probes, and their number.
const KEEP_ALIVE: (Duration, Duration, u32) = (Duration::from_mins(1), Duration::from_secs(15), 4);

/// Sets the options of an accepted socket.
pub(super) fn prepare(stream: &TcpStream, unacknowledged: Duration) -> io::Result<()> {
    // small writes of a stream go out as they come
    stream.set_nodelay(true)?;
    // a client that waits silently for a stream, and is gone, is found by probes alone
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEP_ALIVE.0)?;
    sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE.1)?;
    sockopt::set_tcp_keepcnt(stream, KEEP_ALIVE.2)?;
    let millis = u32::try_from(unacknowledged.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(stream, millis)?;
    Ok(())
}
