//! The rate at which a service accepts requests, as the handler finds it out: AWS publishes no rates for IAM.
//!
//! Requests are unlimited until the service throttles one. From then on, the rate grows by a constant amount each second,
//! and each further throttling reduces it by a factor (additive increase, multiplicative decrease). So it stays close to
//! what the service accepts, and other callers of the account get their part.
//!
//! A crate for token buckets would not make this shorter: their rates are fixed, and a new bucket for each rate would
//! forget the requests that already wait.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Each throttling reduces the rate at least to this part.
const LEAST_DECREASE: f64 = 0.9;
/// Each throttling reduces the rate at most to this part: a few refused requests say little about the rate.
const MOST_DECREASE: f64 = 0.5;
/// By which part of the reduced rate it grows each second, and by how many requests a second at least.
const GROWTH: f64 = 0.05;
const LEAST_GROWTH: f64 = 3.0;
/// The lowest rate, in requests a second. A service that a run asks seldom seems to accept little. Without this, such a
/// service would hold the run up.
///
/// With this rate, the users at work never wait for [`LONGEST_WAIT`].
const LEAST_RATE: f64 = 8.0;
/// The time over which accepted requests are counted. Throttlings that follow each other within it count once: they are
/// answers to requests that were sent at the same rate.
const WINDOW: Duration = Duration::from_secs(1);
/// The longest that a request waits. The time limit of an attempt includes this wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// For how long after a throttling the rate counts as the limit of the run.
const MEMORY: Duration = Duration::from_secs(15);

/// The rate of the requests to one service. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestRate(Arc<Mutex<Observed>>);

impl RequestRate {
    /// Waits until the next request may be sent.
    pub(super) async fn turn(&self) {
        let now = Instant::now();
        let turn = self.observed().turn(now);
        if turn > now {
            sleep_until(turn).await;
        }
    }

    /// Records the answer to a request.
    pub(super) fn record(&self, answer: Throttled) {
        let now = Instant::now();
        match answer {
            Throttled::No => self.observed().accepted(now),
            Throttled::Yes => self.observed().throttled(now),
        }
    }

    /// Whether the service, and not its latency, limits the run: it has throttled a request recently.
    pub(super) fn is_limit(&self) -> bool {
        self.observed().limit.as_ref().is_some_and(|limit| limit.since.elapsed() < MEMORY)
    }

    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the service throttled a request. Any other answer counts as accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Throttled {
    No,
    Yes,
}

#[derive(Debug, Default)]
struct Observed {
    /// `None` until a request was throttled.
    limit: Option<Limit>,
    /// When the requests of the last [`WINDOW`] were accepted.
    accepted: VecDeque<Instant>,
}

#[derive(Debug)]
struct Limit {
    /// The rate right after the last throttling, in requests a second.
    reduced: f64,
    /// When the rate was reduced.
    since: Instant,
    /// When the next request may be sent.
    next: Instant,
}

impl Limit {
    fn rate(&self, now: Instant) -> f64 {
        self.reduced + (self.reduced * GROWTH).max(LEAST_GROWTH) * (now - self.since).as_secs_f64()
    }
}

impl Observed {
    fn turn(&mut self, now: Instant) -> Instant {
        let Some(limit) = &mut self.limit else { return now };
        let turn = limit.next.clamp(now, now + LONGEST_WAIT);
        limit.next = turn + Duration::from_secs_f64(1.0 / limit.rate(now));
        turn
    }

    fn accepted(&mut self, now: Instant) {
        self.forget(now);
        self.accepted.push_back(now);
    }

    fn throttled(&mut self, now: Instant) {
        if self.limit.as_ref().is_some_and(|limit| now - limit.since < WINDOW) {
            return;
        }
        self.forget(now);
        let accepted = f64::from(u32::try_from(self.accepted.len()).unwrap_or(u32::MAX)) / WINDOW.as_secs_f64();
        // An unused rate grows without a limit. It must not take many throttlings until it is near the accepted rate again.
        let at_most = |limit: &Limit| limit.rate(now).min((2.0 * accepted).max(limit.reduced));
        let (before, next) = self.limit.as_ref().map_or((accepted, now), |limit| (at_most(limit), limit.next));
        let reduced = (accepted * LEAST_DECREASE).clamp(before * MOST_DECREASE, before * LEAST_DECREASE);
        self.limit = Some(Limit { reduced: reduced.max(LEAST_RATE), since: now, next });
    }

    fn forget(&mut self, now: Instant) {
        while self.accepted.front().is_some_and(|at| now - *at > WINDOW) {
            self.accepted.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::{StreamExt, stream::FuturesUnordered};

    use super::*;
    use crate::aws::{throttle::LONGEST_PAUSE, users_at_once};

    const LATENCY: Duration = Duration::from_millis(20);
    /// The services of the calls of one rotation: IAM, STS, SNS and Secrets Manager.
    const ROTATION: [usize; 12] = [0, 0, 3, 0, 0, 1, 1, 1, 3, 2, 0, 0];

    /// AWS's token bucket: full at first, and refilled at the accepted rate.
    struct Bucket {
        rate: f64,
        tokens: f64,
        filled: Instant,
    }

    impl Bucket {
        fn accepts(&mut self) -> bool {
            let now = Instant::now();
            self.tokens = self.rate.min(self.tokens + (now - self.filled).as_secs_f64() * self.rate);
            self.filled = now;
            let accepts = self.tokens >= 1.0;
            self.tokens -= if accepts { 1.0 } else { 0.0 };
            accepts
        }
    }

    /// The simulated seconds of the rotations over the least possible seconds, and the throttled requests. As in
    /// [`crate::handler::invocation`], the rates decide how many users are handled at once.
    async fn simulated(rotations: usize, rate: f64, seed: u64) -> (f64, u32) {
        let (rates, began) = (std::array::from_fn::<_, 4, _>(|_| RequestRate::default()), Instant::now());
        let bucket = RefCell::new(Bucket { rate, tokens: rate, filled: began });
        let (random, throttled) = (RefCell::new(fastrand::Rng::with_seed(seed)), Cell::new(0));
        let rotate = async |_| {
            for service in ROTATION {
                for attempt in 0.. {
                    rates[service].turn().await;
                    let accepts = bucket.borrow_mut().accepts();
                    tokio::time::sleep(LATENCY).await;
                    rates[service].record(if accepts { Throttled::No } else { Throttled::Yes });
                    if accepts {
                        break;
                    }
                    throttled.update(|n| n + 1);
                    // The SDK's standard pauses.
                    let pause = random.borrow_mut().f64() * f64::from(1 << attempt).min(LONGEST_PAUSE.as_secs_f64());
                    tokio::time::sleep(Duration::from_secs_f64(pause)).await;
                }
            }
        };
        let (mut waiting, mut at_work) = (0..rotations, FuturesUnordered::new());
        loop {
            let free = users_at_once(&rates).saturating_sub(at_work.len());
            at_work.extend(waiting.by_ref().take(free).map(rotate));
            if at_work.next().await.is_none() {
                break;
            }
        }
        let least = Duration::from_secs(u64::try_from(rotations * ROTATION.len()).unwrap()).div_f64(rate);
        (began.elapsed().div_duration_f64(least), throttled.get())
    }

    /// The time is simulated, so the ratios are the same on any machine.
    #[tokio::test(start_paused = true)]
    async fn throttled_rotations_take_hardly_longer_than_their_calls() {
        for (rotations, rate) in [(20, 20.0), (50, 20.0), (50, 12.0), (100, 50.0), (200, 100.0), (200, 300.0)] {
            for seed in 0..10 {
                let (ratio, throttled) = simulated(rotations, rate, seed).await;
                assert!(
                    ratio < 1.11,
                    "{rotations} rotations at {rate}: {ratio:.3} with {throttled} throttled requests"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unused_rate_is_soon_near_the_accepted_one_again() {
        let rate = RequestRate::default();
        let accept = async |requests: u32, a_second: u32| {
            for _ in 0..requests {
                rate.record(Throttled::No);
                tokio::time::sleep(Duration::from_secs(1) / a_second).await;
            }
        };
        accept(40, 20).await;
        rate.record(Throttled::Yes);
        tokio::time::sleep(Duration::from_mins(10)).await;
        for _ in 0..3 {
            accept(20, 10).await;
            rate.record(Throttled::Yes);
        }
        let reduced = rate.observed().limit.as_ref().unwrap().reduced;
        assert!((8.0..12.0).contains(&reduced), "{reduced} requests a second");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_only_after_a_throttling_and_never_long() {
        let rate = RequestRate::default();
        let waited = async || {
            let began = Instant::now();
            rate.turn().await;
            began.elapsed().as_millis()
        };
        for _ in 0..1_000 {
            assert_eq!(waited().await, 0);
            rate.record(Throttled::No);
        }
        assert!(!rate.is_limit());
        rate.record(Throttled::Yes);
        // The answers to requests that were sent together count once.
        rate.record(Throttled::Yes);
        assert!(rate.is_limit());
        assert_eq!([waited().await, waited().await, waited().await], [0, 2, 1], "900 requests a second");
        let mut turns: Vec<_> = (0..10_000).map(|_| rate.observed().turn(Instant::now())).collect();
        assert!(turns.iter().all(|turn| *turn <= Instant::now() + LONGEST_WAIT));
        assert!(turns.is_sorted(), "the first to come is the first to go");
        turns.clear();
        tokio::time::sleep(MEMORY).await;
        assert!(!rate.is_limit());
    }
}
