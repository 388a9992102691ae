//! Handles Ctrl-C: a call to AWS that has started is completed, and then the command stops.

use std::{
    io::{self, Write},
    process,
    time::Duration,
};

use tokio::{sync::watch, task, time};

/// The user asked the process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// The exit code after Ctrl-C, as in a shell: 128 plus the number of the signal (2).
const EXIT: i32 = 130;

/// The time after which a command that still waits for AWS says so. Most calls are answered before.
const PATIENCE: Duration = Duration::from_secs(1);

/// Prints a line on standard error. If its reader is gone, the line is lost.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "\n{line}");
}

/// Whether the process was asked to stop, by Ctrl-C or another signal. A call to AWS that has started is completed
/// first, so that its result is known. The second Ctrl-C ends the process at once.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Starts to listen for signals.
    #[must_use]
    pub fn listen() -> Self {
        let (pressed, receiver) = watch::channel(false);
        task::spawn(async move {
            while signal().await {
                if pressed.send_replace(true) {
                    say("Ended at once. What was started in AWS continues there.");
                    process::exit(EXIT);
                }
                task::spawn(async {
                    time::sleep(PATIENCE).await;
                    say("Interrupted. Waiting for AWS to answer the last call. Ctrl-C again ends at once.");
                });
            }
        });
        Self(receiver)
    }

    /// Fails after the process was asked to stop.
    ///
    /// # Errors
    /// [`Interrupted`] if the process was asked to stop.
    pub fn check(&self) -> Result<(), Interrupted> {
        if *self.0.borrow() { Err(Interrupted) } else { Ok(()) }
    }

    /// Waits until the process is asked to stop.
    pub async fn pressed(&self) -> Interrupted {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|pressed| *pressed).await.is_err() {
            // No signal can be received any longer, so this waits forever.
            std::future::pending::<()>().await;
        }
        Interrupted
    }

    /// Waits for this time, or until the process is asked to stop.
    ///
    /// # Errors
    /// [`Interrupted`] if the process was asked to stop.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        tokio::select! {
            () = time::sleep(duration) => self.check(),
            interrupted = self.pressed() => Err(interrupted),
        }
    }
}

/// Waits until the process is asked to stop, then returns true. Returns false if signals cannot be received.
async fn signal() -> bool {
    #[cfg(unix)]
    {
        // CI sends SIGTERM when a job is cancelled.
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
