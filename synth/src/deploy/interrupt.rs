//! Ctrl-C: nothing is broken off in the middle; whoever waits is told.

use std::{process, time::Duration};

use tokio::{sync::watch, task, time};

/// Somebody wants this to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

/// What a process that ends because of Ctrl-C ends with, as a shell says it: 128 and the signal's number.
const EXIT: i32 = 130;

/// Whether somebody has pressed Ctrl-C, or ended the process otherwise. A call to AWS that has begun is brought to its end,
/// so that what it did is known; who presses a second time does not want to know.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Begins to listen.
    #[must_use]
    pub fn listen() -> Self {
        let (pressed, receiver) = watch::channel(false);
        task::spawn(async move {
            while signal().await {
                if pressed.send_replace(true) {
                    process::exit(EXIT);
                }
            }
        });
        Self(receiver)
    }

    /// An error as soon as somebody has pressed it.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub fn check(&self) -> Result<(), Interrupted> {
        if *self.0.borrow() { Err(Interrupted) } else { Ok(()) }
    }

    /// Returns once somebody has pressed it.
    pub async fn pressed(&self) -> Interrupted {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|pressed| *pressed).await.is_err() {
            // Nobody listens any more, so nobody will.
            std::future::pending::<()>().await;
        }
        Interrupted
    }

    /// Waits, unless somebody presses it.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub async fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        tokio::select! {
            () = time::sleep(duration) => self.check(),
            interrupted = self.pressed() => Err(interrupted),
        }
    }
}

/// True once the process is asked to end; false if that cannot be heard.
async fn signal() -> bool {
    #[cfg(unix)]
    {
        // What CI sends when a job is cancelled.
        let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
            return false;
        };
        tokio::select! {
            heard = tokio::signal::ctrl_c() => heard.is_ok(),
            heard = terminate.recv() => heard.is_some(),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.is_ok()
}
