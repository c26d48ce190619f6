//! What a platform meters (page, app, key, host): a fixed ceiling, a time before which nothing is sent, and a budget.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::Error;
use super::http::{clamped, later, minute};
use crate::model::{Clock, Timestamp};

type Limiter = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Instant>>;

/// All meters of a process, by name.
pub(super) struct Meters {
    clock: Clock,
    inner: Mutex<Inner>,
}

struct Inner {
    quota: Quota,
    /// Ceilings by a name's beginning; the longest that fits counts.
    ceilings: Vec<(String, Quota)>,
    meters: HashMap<String, Meter>,
}

struct Meter {
    limiter: Limiter,
    parked: Option<(Timestamp, String)>,
    budget: Option<Budget>,
    spent: u64,
}

struct Budget {
    left: u64,
    refill: Timestamp,
}

impl Meters {
    pub(super) fn new(clock: Clock, per_minute: u32) -> Meters {
        let inner = Inner { quota: quota(per_minute), ceilings: Vec::new(), meters: HashMap::new() };
        Meters { clock, inner: Mutex::new(inner) }
    }

    pub(super) fn set_ceiling(&self, prefix: &str, per_minute: u32) {
        self.set_quota(prefix, quota(per_minute));
    }

    /// A ceiling that lets through one at a time.
    pub(super) fn set_pace(&self, prefix: &str, per_minute: u32) {
        self.set_quota(prefix, quota(per_minute).allow_burst(NonZeroU32::MIN));
    }

    fn set_quota(&self, prefix: &str, quota: Quota) {
        let mut inner = self.lock();
        inner.ceilings.retain(|(known, _)| known != prefix);
        inner.ceilings.push((prefix.to_owned(), quota));
        let names: Vec<String> = inner.meters.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        for name in names {
            let limiter = self.limiter(&inner, &name);
            if let Some(meter) = inner.meters.get_mut(&name) {
                meter.limiter = limiter;
            }
        }
    }

    pub(super) fn set_budget(&self, meter: &str, left: u64, refill: Timestamp) {
        self.with(meter, |meter| meter.budget = Some(Budget { left, refill }));
    }

    pub(super) fn take_spent(&self) -> Vec<(String, u64)> {
        let mut spent: Vec<(String, u64)> = self
            .lock()
            .meters
            .iter_mut()
            .filter(|(_, meter)| meter.spent > 0)
            .map(|(name, meter)| (name.clone(), std::mem::take(&mut meter.spent)))
            .collect();
        spent.sort();
        spent
    }

    pub(super) fn take_spent_on(&self, meter: &str) -> u64 {
        self.with(meter, |meter| std::mem::take(&mut meter.spent))
    }

    pub(super) fn parked(&self, meter: &str) -> Option<Timestamp> {
        let now = self.clock.now();
        self.with(meter, |meter| meter.parked.as_ref().map(|(until, _)| *until)).filter(|until| *until > now)
    }

    pub(super) fn park(&self, meter: &str, until: Timestamp, say: &str) {
        let until = clamped(until, self.clock.now());
        self.with(meter, |meter| {
            if meter.parked.as_ref().is_none_or(|(known, _)| *known < until) {
                meter.parked = Some((until, say.to_owned()));
            }
        });
    }

    /// Lets one call through, or says how long to wait; an error where waiting is not worth it.
    pub(super) fn admit(&self, names: &[String], cost: u64, what: &str) -> Result<Option<Duration>, Error> {
        let now = self.clock.now();
        let mut inner = self.lock();
        for name in names {
            let meter = self.meter(&mut inner, name);
            refuse_parked(meter, now)?;
            refuse_spent(meter, now, cost, what)?;
        }
        for name in names {
            if let Some(wait) = self.ceiling(&mut inner, name) {
                // Waiting makes sense only where time passes by itself.
                if matches!(self.clock, Clock::Manual(_)) {
                    let until = later(now, 1 + i64::try_from(wait.as_secs()).unwrap_or(60));
                    let say = format!("{what}: our own ceiling of requests a minute is reached ({name})");
                    return Err(Error::RateLimited { until, say });
                }
                return Ok(Some(wait));
            }
        }
        for name in names {
            let meter = self.meter(&mut inner, name);
            meter.spent += cost;
            if let Some(budget) = &mut meter.budget {
                budget.left = budget.left.saturating_sub(cost);
            }
        }
        Ok(None)
    }

    /// How long until the ceiling of a meter lets one more through; counts it when it does now.
    fn ceiling(&self, inner: &mut Inner, name: &str) -> Option<Duration> {
        let ticks = Ticks(self.clock.clone());
        let wait = match self.meter(inner, name).limiter.check() {
            Ok(()) => return None,
            Err(not_until) => not_until.wait_time_from(ticks.now()),
        };
        if wait <= Duration::from_secs(61) {
            return Some(wait);
        }
        // No ceiling of so many a minute ever asks for more than a minute: the clock was turned back.
        let limiter = self.limiter(inner, name);
        let meter = self.meter(inner, name);
        meter.limiter = limiter;
        meter.limiter.check().err().map(|not_until| not_until.wait_time_from(ticks.now()))
    }

    fn limiter(&self, inner: &Inner, name: &str) -> Limiter {
        let fitting = inner.ceilings.iter().filter(|(prefix, _)| name.starts_with(prefix.as_str()));
        let quota = fitting.max_by_key(|(prefix, _)| prefix.len()).map_or(inner.quota, |(_, ceiling)| *ceiling);
        RateLimiter::direct_with_clock(quota, Ticks(self.clock.clone()))
    }

    fn meter<'a>(&self, inner: &'a mut Inner, name: &str) -> &'a mut Meter {
        if !inner.meters.contains_key(name) {
            let meter = Meter { limiter: self.limiter(inner, name), parked: None, budget: None, spent: 0 };
            inner.meters.insert(name.to_owned(), meter);
        }
        inner.meters.get_mut(name).expect("it was put there when it was missing")
    }

    fn with<T>(&self, name: &str, f: impl FnOnce(&mut Meter) -> T) -> T {
        let mut inner = self.lock();
        f(self.meter(&mut inner, name))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn quota(per_minute: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN))
}

fn refuse_parked(meter: &mut Meter, now: Timestamp) -> Result<(), Error> {
    match &meter.parked {
        Some((until, say)) if *until > now => Err(Error::RateLimited { until: *until, say: say.clone() }),
        _ => {
            meter.parked = None;
            Ok(())
        }
    }
}

fn refuse_spent(meter: &mut Meter, now: Timestamp, cost: u64, what: &str) -> Result<(), Error> {
    match &meter.budget {
        Some(budget) if budget.refill <= now => meter.budget = None,
        Some(budget) if budget.left < cost => {
            let until = budget.refill;
            let say = format!("{what}: the budget is used up until {}", minute(until));
            return Err(Error::RateLimited { until, say });
        }
        _ => {}
    }
    Ok(())
}

/// Our clock as governor wants it: nanoseconds since 1970.
#[derive(Debug, Clone)]
struct Ticks(Clock);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Instant(u64);

impl std::ops::Add<Nanos> for Instant {
    type Output = Instant;

    fn add(self, other: Nanos) -> Instant {
        Instant(self.0.saturating_add(other.as_u64()))
    }
}

impl Reference for Instant {
    fn duration_since(&self, earlier: Instant) -> Nanos {
        Nanos::from(self.0.saturating_sub(earlier.0))
    }

    fn saturating_sub(&self, duration: Nanos) -> Instant {
        Instant(self.0.saturating_sub(duration.as_u64()))
    }
}

impl governor::clock::Clock for Ticks {
    type Instant = Instant;

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.0.now().as_nanosecond()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn meters(per_minute: u32) -> (Meters, Clock) {
        let clock = Clock::manual("2026-11-22T12:00:00Z".parse().unwrap());
        (Meters::new(clock.clone(), per_minute), clock)
    }

    fn page() -> Vec<String> {
        vec!["facebook:page:1".to_owned(), "facebook:app".to_owned()]
    }

    #[test]
    fn a_ceiling_refuses_and_lets_through_again() {
        let (meters, clock) = meters(2);
        assert_eq!(meters.admit(&page(), 1, "t"), Ok(None));
        assert_eq!(meters.admit(&page(), 1, "t"), Ok(None));
        assert!(matches!(meters.admit(&page(), 1, "t"), Err(Error::RateLimited { .. })));
        clock.advance(SignedDuration::from_secs(31));
        assert_eq!(meters.admit(&page(), 1, "t"), Ok(None));
        clock.advance(SignedDuration::from_hours(-24));
        assert_eq!(meters.admit(&page(), 1, "t"), Ok(None), "a clock turned back must not stop us for a day");
    }

    #[test]
    fn a_longer_name_has_the_nearer_ceiling() {
        let (meters, _clock) = meters(1);
        meters.set_ceiling("facebook:", 3);
        meters.set_ceiling("facebook:app", 1000);
        for _ in 0..3 {
            assert_eq!(meters.admit(&page(), 1, "t"), Ok(None));
        }
        assert!(meters.admit(&page(), 1, "t").is_err());
    }

    #[test]
    fn a_pace_lets_through_one_at_a_time() {
        let (meters, clock) = meters(100);
        meters.set_ceiling("x:", 100);
        meters.set_pace("x:archive", 20);
        let archive = vec!["x:archive".to_owned(), "x:app".to_owned()];
        for _ in 0..3 {
            assert_eq!(meters.admit(&archive, 1, "t"), Ok(None));
            assert!(matches!(meters.admit(&archive, 1, "t"), Err(Error::RateLimited { .. })));
            clock.advance(SignedDuration::from_secs(3));
        }
    }

    #[test]
    fn a_parked_meter_refuses_until_its_time_and_no_longer_than_a_day() {
        let (meters, clock) = meters(100);
        meters.park("facebook:app", later(clock.now(), 90 * 24 * 3600), "parked");
        let Err(Error::RateLimited { until, say }) = meters.admit(&page(), 1, "t") else { panic!("not refused") };
        assert_eq!((until, say.as_str()), (later(clock.now(), 24 * 3600), "parked"));
        clock.advance(SignedDuration::from_hours(24));
        assert_eq!(meters.admit(&page(), 1, "t"), Ok(None));
        assert_eq!(meters.parked("facebook:app"), None);
    }

    #[test]
    fn a_budget_is_spent_and_refilled() {
        let (meters, clock) = meters(100);
        let key = vec!["youtube:key".to_owned()];
        meters.set_budget("youtube:key", 150, later(clock.now(), 3600));
        assert_eq!(meters.admit(&key, 100, "t"), Ok(None));
        assert!(
            matches!(meters.admit(&key, 100, "t"), Err(Error::RateLimited { until, .. }) if until == later(clock.now(), 3600))
        );
        assert_eq!(meters.admit(&key, 50, "t"), Ok(None));
        assert_eq!(meters.take_spent(), [("youtube:key".to_owned(), 150)]);
        assert_eq!(meters.take_spent(), []);
        clock.advance(SignedDuration::from_hours(1));
        assert_eq!(meters.admit(&key, 100, "t"), Ok(None));
    }
}
