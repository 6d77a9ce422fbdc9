//! The times of a day, an hour or a minute that a rule allows, as three bit sets.

/// Hours, minutes and seconds whose product are the times of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// Bit h: hour h.
    pub(super) hours: u32,
    /// Bit m: minute m.
    pub(super) minutes: u64,
    /// Bit s: second s.
    pub(super) seconds: u64,
}

/// The place of the `n`-th set bit, counted from 0.
pub(super) fn nth_bit(mut bits: u64, n: u32) -> Option<u32> {
    for _ in 0..n {
        bits &= bits.wrapping_sub(1);
    }
    (bits != 0).then(|| bits.trailing_zeros())
}

/// The lowest set bit at or above `from`.
pub(super) fn bit_from(bits: u64, from: u32) -> Option<u32> {
    if from >= 64 {
        return None;
    }
    let above = bits >> from << from;
    (above != 0).then(|| above.trailing_zeros())
}

impl Times {
    /// Exactly one time.
    pub(super) fn at(second_of_day: i64) -> Self {
        Self {
            hours: 1 << (second_of_day / 3600),
            minutes: 1 << (second_of_day / 60 % 60),
            seconds: 1 << (second_of_day % 60),
        }
    }

    /// How many.
    pub(super) fn count(&self) -> u32 {
        self.hours.count_ones() * self.minutes.count_ones() * self.seconds.count_ones()
    }

    /// The `n`-th time in order, counted from 0, in seconds.
    pub(super) fn nth(&self, n: u32) -> Option<i64> {
        let (minutes, seconds) = (self.minutes.count_ones(), self.seconds.count_ones());
        let per_hour = minutes * seconds;
        let hour = nth_bit(u64::from(self.hours), n / per_hour)?;
        let minute = nth_bit(self.minutes, n % per_hour / seconds)?;
        let second = nth_bit(self.seconds, n % seconds)?;
        Some(i64::from(hour * 3600 + minute * 60 + second))
    }

    /// The first time, in seconds.
    pub(super) fn first(&self) -> i64 {
        i64::from(
            self.hours.trailing_zeros() * 3600
                + self.minutes.trailing_zeros() * 60
                + self.seconds.trailing_zeros(),
        )
    }

    /// The first time at or after `second_of_day`.
    pub(super) fn next(&self, second_of_day: i64) -> Option<i64> {
        let hour = (second_of_day / 3600) as u32;
        let minute = (second_of_day / 60 % 60) as u32;
        let second = (second_of_day % 60) as u32;
        let hours = u64::from(self.hours);
        let time = |h: u32, m: u32, s: u32| i64::from(h * 3600 + m * 60 + s);
        let (first_minute, first_second) =
            (self.minutes.trailing_zeros(), self.seconds.trailing_zeros());
        if hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(second) = bit_from(self.seconds, second)
            {
                return Some(time(hour, minute, second));
            }
            if let Some(minute) = bit_from(self.minutes, minute + 1) {
                return Some(time(hour, minute, first_second));
            }
        }
        bit_from(hours, hour + 1).map(|hour| time(hour, first_minute, first_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_and_nth_agree_with_a_plain_walk() {
        let times = Times {
            hours: 1 << 2 | 1 << 23,
            minutes: 1 | 1 << 30 | 1 << 59,
            seconds: 1 << 5 | 1 << 59,
        };
        let plain: Vec<i64> = (0..86_400)
            .filter(|t| {
                times.hours >> (t / 3600) & 1 == 1
                    && times.minutes >> (t / 60 % 60) & 1 == 1
                    && times.seconds >> (t % 60) & 1 == 1
            })
            .collect();
        assert_eq!(plain.len() as u32, times.count());
        assert_eq!(plain[0], times.first());
        for (n, time) in plain.iter().enumerate() {
            assert_eq!(times.nth(n as u32), Some(*time));
        }
        assert_eq!(times.nth(times.count()), None);
        for t in 0..86_400 {
            assert_eq!(
                times.next(t),
                plain.iter().copied().find(|p| *p >= t),
                "{t}"
            );
        }
    }
}
