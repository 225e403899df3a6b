//! The threads that serve. Each has a runtime, a listener and connections to the backends of its own, so that a request
//! stays on one thread from its first byte to its last.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use gateway::{Gateway, Tls};
use mesh::drain::Drain;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use tokio::runtime;
use tokio::sync::oneshot;

use crate::allocator::give_back;

/// Connections that wait to be accepted, on each listener.
const BACKLOG: i32 = 1024;

/// A listener at the address for each worker; the kernel spreads connections over them.
pub(crate) fn listeners(address: SocketAddr, workers: NonZero<usize>) -> io::Result<Vec<TcpListener>> {
    // a port that is shared can be taken by a second gateway without an error: whoever comes first has it alone
    let alone = open(address, false)?;
    if workers.get() == 1 {
        return Ok(vec![alone]);
    }
    let address = alone.local_addr()?;
    drop(alone);
    (0..workers.get()).map(|_| open(address, true)).collect()
}

fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // a port whose last connections linger (TIME_WAIT) can be listened on again
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, shared)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Starts a worker for each listener. The future ends when all of them have ended.
pub(crate) fn serve(
    gateway: &Gateway,
    listeners: Vec<TcpListener>,
    tls: Option<&Tls>,
    drain: &Drain,
) -> Result<impl Future<Output = Result<()>> + use<>> {
    let start = |(index, listener)| {
        let (gateway, tls, drain) = (gateway.worker(), tls.cloned(), drain.clone());
        let (tell, ended) = oneshot::channel();
        let work = move || {
            let _ = tell.send(work(&gateway, listener, tls, drain));
        };
        thread::Builder::new().name(format!("worker {index}")).spawn(work).context("a thread")?;
        Ok(ended)
    };
    let workers: Vec<_> = listeners.into_iter().enumerate().map(start).collect::<Result<_>>()?;
    Ok(async move {
        for worker in workers {
            worker.await.map_err(|_| anyhow!("a worker failed"))??;
        }
        Ok(())
    })
}

fn work(gateway: &Gateway, listener: TcpListener, tls: Option<Tls>, drain: Drain) -> Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::spawn(give_back());
        let listener = tokio::net::TcpListener::from_std(listener)?;
        match tls {
            Some(tls) => gateway.serve(listener, tls, drain).await,
            None => gateway.serve_cleartext(listener, drain).await,
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    //! Ports, shared and not.
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn count(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
        listeners(address, NonZero::new(workers).unwrap())
    }

    #[test]
    fn workers_share_a_port_that_nobody_else_can_take() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let first = count(address.parse().unwrap(), 3).unwrap();
            let port = first[0].local_addr().unwrap();
            assert!(first.iter().all(|listener| listener.local_addr().unwrap() == port));
            for second in [1, 2] {
                let refused = count(port, second).unwrap_err();
                assert_eq!(refused.kind(), io::ErrorKind::AddrInUse, "{second} at {port}");
            }
            drop(first);
            assert_eq!(count(port, 1).unwrap().len(), 1);
        }
    }
}
