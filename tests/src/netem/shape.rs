//! What a direction of a link does to packets, as pure code: time is an argument, chance is seeded.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// How one direction of a link behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// One-way propagation delay.
    pub delay: Duration,
    /// Added to the delay: uniform between zero and this.
    pub jitter: Duration,
    /// Share of packets lost, 0.0 to 1.0, each independently.
    pub loss: f64,
    /// Bits per second; `None` is as fast as the machine.
    pub rate: Option<u64>,
    /// Bytes that may wait for the rate; a packet that finds no room is dropped.
    pub queue: usize,
    /// Whether jitter may change the packets' order, as on a path over several ways.
    pub reorders: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            rate: None,
            queue: 256 * 1024,
            reorders: false,
        }
    }
}

impl Shape {
    /// A clean direction with this one-way delay in milliseconds.
    pub fn delayed(milliseconds: u64) -> Self {
        Self { delay: Duration::from_millis(milliseconds), ..Self::default() }
    }

    pub fn with_jitter(self, milliseconds: u64) -> Self {
        Self { jitter: Duration::from_millis(milliseconds), ..self }
    }

    pub fn with_loss(self, share: f64) -> Self {
        Self { loss: share, ..self }
    }

    /// `bits_per_second` with room for `queue` bytes to wait.
    pub fn with_rate(self, bits_per_second: u64, queue: usize) -> Self {
        Self { rate: Some(bits_per_second), queue, ..self }
    }
}

/// What has happened to packets so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub delivered: u64,
    pub delivered_bytes: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Dropped because the queue was full.
    pub overflowed: u64,
    /// Dropped because the link was cut.
    pub cut: u64,
}

/// One direction: packets are offered at a time and come out at theirs. Times are durations since any one moment.
#[derive(Debug)]
pub struct Shaper {
    shape: Shape,
    is_cut: bool,
    chance: u64,
    /// When the last byte accepted so far will have left the rate limiter.
    busy_until: Duration,
    last_departure: Duration,
    order: u64,
    flying: BinaryHeap<Reverse<(Duration, u64, Vec<u8>)>>,
    counts: Counts,
}

impl Shaper {
    /// The same seed and the same offers give the same departures.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            is_cut: false,
            chance: seed,
            busy_until: Duration::ZERO,
            last_departure: Duration::ZERO,
            order: 0,
            flying: BinaryHeap::new(),
            counts: Counts::default(),
        }
    }

    /// Changes how packets offered from now on are treated; those under way keep their times.
    pub fn reshape(&mut self, shape: Shape) {
        self.shape = shape;
    }

    /// A cut direction swallows what is offered and what is under way.
    pub fn cut(&mut self, cut: bool) {
        self.is_cut = cut;
        if cut {
            self.counts.cut += self.flying.len() as u64;
            self.flying.clear();
            self.busy_until = Duration::ZERO;
            self.last_departure = Duration::ZERO;
        }
    }

    pub fn offer(&mut self, now: Duration, packet: Vec<u8>) {
        if self.is_cut {
            self.counts.cut += 1;
            return;
        }
        if self.draw() < self.shape.loss {
            self.counts.lost += 1;
            return;
        }
        let begin = self.busy_until.max(now);
        let sent = match self.shape.rate {
            None => begin,
            Some(rate) => {
                let waiting = (begin - now).as_secs_f64() * rate as f64 / 8.0;
                if waiting as usize + packet.len() > self.shape.queue {
                    self.counts.overflowed += 1;
                    return;
                }
                begin + Duration::from_secs_f64(packet.len() as f64 * 8.0 / rate.max(1) as f64)
            }
        };
        self.busy_until = sent;
        let mut departure = sent + self.shape.delay + self.shape.jitter.mul_f64(self.draw());
        if !self.shape.reorders {
            departure = departure.max(self.last_departure);
        }
        self.last_departure = departure;
        self.order += 1;
        self.flying.push(Reverse((departure, self.order, packet)));
    }

    /// When the next packet is due, if one is under way.
    pub fn next_departure(&self) -> Option<Duration> {
        self.flying.peek().map(|Reverse((departure, ..))| *departure)
    }

    /// The next packet that is due by `now`.
    pub fn take_due(&mut self, now: Duration) -> Option<Vec<u8>> {
        if self.next_departure()? > now {
            return None;
        }
        let Reverse((_, _, packet)) = self.flying.pop()?;
        self.counts.delivered += 1;
        self.counts.delivered_bytes += packet.len() as u64;
        Some(packet)
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Uniform in 0.0..1.0 (SplitMix64, Steele et al. 2014).
    fn draw(&mut self) -> f64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn drain(shaper: &mut Shaper) -> Vec<(Duration, Vec<u8>)> {
        let mut out = Vec::new();
        while let Some(at) = shaper.next_departure() {
            out.push((at, shaper.take_due(at).unwrap()));
        }
        out
    }

    #[test]
    fn delay_is_exact_and_not_a_moment_earlier() {
        let mut shaper = Shaper::new(Shape::delayed(40), 1);
        shaper.offer(ms(5), vec![1]);
        assert_eq!(shaper.take_due(ms(45) - Duration::from_nanos(1)), None);
        assert_eq!(shaper.take_due(ms(45)), Some(vec![1]));
    }

    #[test]
    fn rate_spaces_packets_and_a_full_queue_drops() {
        // 1 Mb/s: 1,250 bytes take 10 ms; room for three of them.
        let mut shaper = Shaper::new(Shape::default().with_rate(1_000_000, 3_750), 1);
        for _ in 0..5 {
            shaper.offer(ms(0), vec![0; 1_250]);
        }
        let departures: Vec<Duration> = drain(&mut shaper).into_iter().map(|(at, _)| at).collect();
        assert_eq!(departures, [ms(10), ms(20), ms(30)]);
        assert_eq!(shaper.counts().overflowed, 2);
    }

    #[test]
    fn loss_follows_its_share_and_its_seed() {
        let run = |seed| {
            let mut shaper = Shaper::new(Shape::default().with_loss(0.05), seed);
            (0..20_000).for_each(|_| shaper.offer(ms(0), vec![0]));
            shaper.counts().lost
        };
        assert!((800..1_200).contains(&run(1)), "{}", run(1));
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn jitter_keeps_order_unless_reordering_is_asked_for() {
        let sequence = |reorders| {
            let mut shaper = Shaper::new(Shape { reorders, ..Shape::delayed(10).with_jitter(50) }, 3);
            (0..100u8).for_each(|n| shaper.offer(ms(u64::from(n)), vec![n]));
            drain(&mut shaper).into_iter().map(|(_, packet)| packet[0]).collect::<Vec<_>>()
        };
        assert!(sequence(false).is_sorted());
        assert!(!sequence(true).is_sorted());
    }

    #[test]
    fn a_cut_swallows_what_is_under_way_and_a_restored_link_carries_again() {
        let mut shaper = Shaper::new(Shape::delayed(10), 1);
        shaper.offer(ms(0), vec![1]);
        shaper.cut(true);
        shaper.offer(ms(1), vec![2]);
        assert_eq!((shaper.take_due(ms(100)), shaper.counts().cut), (None, 2));
        shaper.cut(false);
        shaper.offer(ms(100), vec![3]);
        assert_eq!(shaper.take_due(ms(110)), Some(vec![3]));
    }
}
