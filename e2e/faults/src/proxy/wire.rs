//! A TCP connection that can be cut.

use anyhow::{Context, Result};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Forwards a port of the loopback interface to another, unless it is cut: then connections break,
/// and new ones are closed at once.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    cut: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Wire {
    /// A wire to `target`.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn open(target: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("a port for a wire")?;
        let port = listener.local_addr().context("a wire's port")?.port();
        let (cut, state) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                if let Ok((from, _)) = listener.accept().await {
                    tokio::spawn(connect(from, target, state.clone()));
                }
            }
        });
        Ok(Self { port, cut, task })
    }

    /// Where to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts it, or mends it.
    pub fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(mut from: TcpStream, target: u16, mut state: watch::Receiver<bool>) {
    if *state.borrow_and_update() {
        return;
    }
    let Ok(mut to) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    // Small messages go back and forth: waiting for more would measure the wire.
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut from, &mut to) => {}
        _ = state.wait_for(|cut| *cut) => {}
    }
}
