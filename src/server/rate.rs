//! How many requests a second are taken: a bucket that fills with time and is emptied by requests.

use std::time::{Duration, Instant};

/// One bucket; it holds what a second brings.
#[derive(Debug)]
pub struct Bucket {
    rate: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket that takes so many a second.
    pub fn new(rate: u32, now: Instant) -> Self {
        Self { rate: f64::from(rate.max(1)), level: f64::from(rate.max(1)), at: now }
    }

    /// Takes one; how long to wait where there is none.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = (self.level + passed * self.rate).min(self.rate);
        if self.level >= 1.0 {
            self.level -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.level) / self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_brings_what_it_should_and_no_more_is_saved() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, start);
        let taken = |bucket: &mut Bucket, at| (0..100).filter(|_| bucket.take(at).is_ok()).count();
        assert_eq!(taken(&mut bucket, start), 10);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(500)), 5);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(3600)), 10);
        // A clock that goes back brings nothing.
        assert_eq!(taken(&mut bucket, start), 0);
        let wait = bucket.take(start + Duration::from_secs(3600)).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
    }
}
