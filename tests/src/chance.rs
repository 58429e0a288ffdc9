//! Chance that can be had again: random numbers from a seed that a test prints.

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From `KOMADO_SEED`, or a seed of the moment; prints which.
    pub fn of_the_moment() -> Self {
        let given = std::env::var("KOMADO_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            now.as_nanos() as u64
        });
        println!("KOMADO_SEED={seed}");
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }

    pub fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// Another source of chance, independent of this one from now on.
    pub fn part(&mut self) -> Self {
        Self(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut one, mut other) = (Chance::new(3), Chance::new(3));
        let numbers: Vec<u64> = (0..100).map(|_| one.below(10)).collect();
        assert!(numbers.iter().all(|number| *number == other.below(10) && *number < 10));
        assert!((0..10).all(|digit| numbers.contains(&digit)));
        assert_ne!(one.part().number(), one.number());
    }
}
