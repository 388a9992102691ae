//! The pace of mails. SNS suspends an e-mail address that gets more than 10 messages a second, and delivers nothing to it
//! until its owner confirms again (SNS Developer Guide, "Email notifications").

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::OwnedMutexGuard,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    model::{email::Email, time::Span},
    protocol::call_error::{CallError, ErrorCode},
    report::audit::RunMode,
};

/// The least time between the answer to a mail and the next mail to the same address: at most four a second, even if the
/// network stalls. So two runs at once still stay below the limit.
const INTERVAL: Duration = Duration::from_millis(250);

/// When the next mail to an address may be sent. The lock is fair, so mails are sent in the order in which they came.
type NextMailTime = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// The right to send one mail. The next mail to one of its addresses waits until this one is dropped, so keep it until
/// SNS has answered.
#[must_use = "the turn ends when it is dropped"]
#[derive(Debug)]
pub struct Turn {
    next_mail_times: Vec<OwnedMutexGuard<Option<Instant>>>,
    interval: Duration,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = Instant::now() + self.interval;
        for time in &mut self.next_mail_times {
            **time = Some(next);
        }
    }
}

/// The mails that one run sends, in their pace.
pub struct Pace {
    interval: Duration,
    next_mail_times: Mutex<BTreeMap<String, NextMailTime>>,
}

impl Pace {
    /// The pace of a run. A dry run sends nothing, so it never waits.
    #[must_use]
    pub fn of(mode: RunMode) -> Self {
        let interval = match mode {
            RunMode::Real => INTERVAL,
            RunMode::Pretended => Duration::ZERO,
        };
        Self { interval, next_mail_times: Mutex::default() }
    }

    /// Waits until a mail to these addresses may be sent.
    ///
    /// A run handles at most 24 users at once, and each waits for at most one mail. So the wait is some seconds, whatever the
    /// number of users, and [`crate::protocol::planner::ROTATION_BUDGET`] includes it.
    ///
    /// # Errors
    /// [`CallError`] if the turn does not come in this time. The mail is certainly not sent.
    pub async fn turn(&self, to: &[Email], within: Span) -> Result<Turn, CallError> {
        let turn = if within == Span::ZERO { None } else { timeout(within.std(), self.wait(to)).await.ok() };
        turn.ok_or_else(|| {
            let message = "the run's time was over before the mail could be sent; if this repeats, raise timeout";
            CallError::without_effect(ErrorCode::NoTimeLeft, message)
        })
    }

    /// Waits until another program may send a mail to each address. This program then sends no other mail.
    pub async fn rest(&self) {
        let next_mail_times: Vec<_> =
            self.next_mail_times.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for time in next_mail_times {
            if let Some(next) = *time.lock().await {
                sleep_until(next).await;
            }
        }
    }

    async fn wait(&self, to: &[Email]) -> Turn {
        // Each mail takes its addresses in the same order, so that no two wait for each other.
        let addresses: BTreeSet<_> = to.iter().map(Email::small).collect();
        let next_mail_times: Vec<_> = {
            let mut next_mail_times = self.next_mail_times.lock().unwrap_or_else(PoisonError::into_inner);
            addresses.into_iter().map(|address| next_mail_times.entry(address).or_default().clone()).collect()
        };
        let mut mine = Vec::new();
        for time in next_mail_times {
            mine.push(time.lock_owned().await);
        }
        if let Some(next) = mine.iter().filter_map(|next| **next).max() {
            sleep_until(next).await;
        }
        Turn { next_mail_times: mine, interval: self.interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    fn emails(names: &[&str]) -> Vec<Email> {
        names.iter().map(|name| format!("{name}@example.com").parse().unwrap()).collect()
    }

    /// When mails to these recipients are sent that all wait from the beginning, in milliseconds.
    async fn sent(mode: RunMode, mails: &[&[&str]]) -> Vec<u128> {
        let (pace, began) = (Pace::of(mode), Instant::now());
        let send = async |to: &&[&str]| {
            let _turn = pace.turn(&emails(to), Span::minutes(1)).await.unwrap();
            began.elapsed().as_millis()
        };
        join_all(mails.iter().map(send)).await
    }

    #[tokio::test(start_paused = true)]
    async fn mails_to_one_address_are_spaced_and_others_do_not_wait_for_them() {
        let mails: [&[&str]; 5] = [&["a"], &["A"], &["b"], &["a", "b"], &["a"]];
        assert_eq!(sent(RunMode::Real, &mails).await, [0, 250, 0, 500, 750]);
        assert_eq!(sent(RunMode::Pretended, &mails).await, [0; 5]);
    }

    /// When the network stalls, the mails under way must not arrive together afterwards.
    #[tokio::test(start_paused = true)]
    async fn a_mail_without_an_answer_keeps_the_next_ones_back() {
        let (pace, began, to) = (Pace::of(RunMode::Real), Instant::now(), emails(&["a"]));
        let send = async |n: u64| {
            let _turn = pace.turn(&to, Span::minutes(1)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(if n == 0 { 2 } else { 0 })).await;
            began.elapsed().as_millis()
        };
        assert_eq!(join_all((0..3).map(send)).await, [2_000, 2_250, 2_500]);
    }

    #[tokio::test(start_paused = true)]
    async fn mails_in_any_order_of_their_addresses_do_not_block_each_other() {
        let mails: [&[&str]; 4] = [&["a", "b"], &["b", "a"], &["b", "c"], &["c", "a"]];
        assert_eq!(sent(RunMode::Real, &mails).await.len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_that_gets_no_turn_in_time_has_certainly_not_been_sent() {
        let pace = Pace::of(RunMode::Real);
        let to = emails(&["a"]);
        let within = Span::seconds(1);
        let mail = async |_| pace.turn(&to, within).await.map(drop);
        let (sent, late): (Vec<_>, Vec<_>) = join_all((0..6).map(mail)).await.into_iter().partition(Result::is_ok);
        assert_eq!(sent.len(), 5);
        let why = late.into_iter().next().unwrap().unwrap_err();
        assert_eq!(why, CallError::without_effect(ErrorCode::NoTimeLeft, why.message.clone()));
    }
}
