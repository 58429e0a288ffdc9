//! How high each region of the main window is: they stand one below the other, each with its least height, one takes
//! what is left, and a border that is moved gives to one what it takes from the other.

use super::theme::size;
use crate::home::{Region, Regions};

/// A region that has something to show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    pub region: Region,
    /// In points: what it needs, what it has if nobody chose, and more than which is of no use to it.
    pub least: f32,
    pub usual: f32,
    pub most: f32,
}

/// What a region has of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    pub part: Part,
    /// In points, without the border.
    pub height: f32,
    pub folded: bool,
    /// Whether it takes what the others leave.
    pub elastic: bool,
    /// Whether the border below it can be moved.
    pub border: bool,
}

/// Which region takes what is left: the first of these that is there and not folded.
const ELASTIC: [Region; 5] = [Region::Contacts, Region::Display, Region::Page, Region::Information, Region::Messages];

impl Part {
    /// As high as a picture of 16 to 9 is, in a window that is so wide.
    pub fn display(width: f32) -> Self {
        let usual = (width * 9.0 / 16.0).max(200.0);
        Self { region: Region::Display, least: size::DISPLAY_LEAST, usual, most: f32::INFINITY }
    }

    pub fn functions() -> Self {
        let height = size::FUNCTIONS;
        Self { region: Region::Functions, least: height, usual: height, most: height }
    }

    pub fn contacts() -> Self {
        let least = size::CONTACTS_LEAST;
        Self { region: Region::Contacts, least, usual: least, most: f32::INFINITY }
    }

    /// Messages whose contents are so high.
    pub fn messages(contents: f32) -> Self {
        let least = size::MESSAGES_LEAST.min(contents);
        Self { region: Region::Messages, least, usual: contents, most: contents }
    }

    /// Whether it is always of one height.
    fn is_rigid(&self) -> bool {
        self.region == Region::Functions
    }

    fn folded_height(&self) -> f32 {
        if self.is_rigid() { size::FOLDED_SLIM } else { size::FOLDED }
    }

    /// A border that would leave it less than this folds it.
    fn folds_below(&self) -> f32 {
        (self.least * 0.5).max(self.folded_height() + 6.0)
    }
}

/// Divides a window of this height between the regions that are there.
pub fn divide(parts: &[Part], height: f32, preferred: &Regions) -> Vec<Share> {
    let share = |(index, part): (usize, &Part)| {
        let folded = preferred.is_folded(part.region);
        let chosen = preferred.heights.get(&part.region).map_or(part.usual, |chosen| f32::from(*chosen));
        let height = if folded { part.folded_height() } else { chosen.clamp(part.least, part.most) };
        let border = !part.is_rigid() && parts[index + 1..].iter().any(|below| !below.is_rigid());
        Share { part: *part, height, folded, elastic: false, border }
    };
    let mut shares: Vec<Share> = parts.iter().enumerate().map(share).collect();
    let Some(elastic) = elastic(&shares) else { return shares };
    shares[elastic].elastic = true;
    let borders = shares.iter().filter(|share| share.border).count() as f32 * size::BORDER;
    let others: f32 = shares.iter().filter(|share| !share.elastic).map(|share| share.height).sum();
    let rest = height - borders - others;
    let missing = shares[elastic].part.least - rest;
    let taken = if missing > 0.0 { shrink(&mut shares, missing) } else { 0.0 };
    shares[elastic].height = (rest + taken).max(0.0);
    shares
}

fn elastic(shares: &[Share]) -> Option<usize> {
    let open = |region| shares.iter().position(|share| share.part.region == region && !share.folded);
    ELASTIC.into_iter().find_map(open)
}

/// Takes from each region in proportion to what it can spare. Says how much that was.
fn shrink(shares: &mut [Share], wanted: f32) -> f32 {
    let spare = |share: &Share| if share.folded || share.elastic { 0.0 } else { share.height - share.part.least };
    let all: f32 = shares.iter().map(spare).sum();
    let taken = wanted.min(all);
    if all > 0.0 {
        shares.iter_mut().for_each(|share| share.height -= spare(share) * taken / all);
    }
    taken
}

/// What is preferred once the border below `above` has been moved down by so many points, or up if they are negative.
/// Far past an end it folds a region.
pub fn pull(shares: &[Share], above: Region, by: f32, before: &Regions) -> Regions {
    let Some((above, below)) = neighbours(shares, above) else { return before.clone() };
    let wanted = [(above, below, above.height + by), (below, above, below.height - by)];
    let mut regions = before.clone();
    let mut after = shares.to_vec();
    for (share, _, height) in wanted {
        let folded = height < share.part.folds_below();
        regions = regions.with_fold(share.part.region, folded);
        after.iter_mut().filter(|one| one.part.region == share.part.region).for_each(|one| one.folded = folded);
    }
    let elastic = elastic(&after).map(|index| after[index].part.region);
    for (share, other, height) in wanted {
        let region = share.part.region;
        if regions.is_folded(region) || elastic == Some(region) {
            continue;
        }
        let left = if regions.is_folded(other.part.region) { other.part.folded_height() } else { other.part.least };
        let room = (share.height + other.height - left).max(share.part.least);
        if height >= share.part.most {
            regions.heights.remove(&region);
        } else {
            regions.heights.insert(region, height.clamp(share.part.least, room).round() as u16);
        }
    }
    regions
}

/// What a key makes of it: at an end the next press folds a region, and the first one back unfolds it.
pub fn step(shares: &[Share], above: Region, by: f32, before: &Regions) -> Regions {
    let Some((first, second)) = neighbours(shares, above) else { return before.clone() };
    let (shrinks, grows) = if by < 0.0 { (first, second) } else { (second, first) };
    let spare = shrinks.height - shrinks.part.least;
    let length = if shrinks.folded {
        return before.clone();
    } else if grows.folded {
        grows.part.least - grows.height
    } else if spare < 1.0 {
        shrinks.height
    } else {
        by.abs().min(spare)
    };
    pull(shares, above, length.copysign(by), before)
}

/// What is preferred once nothing is any more of the two regions at a border.
pub fn reset(shares: &[Share], above: Region, before: &Regions) -> Regions {
    let mut regions = before.clone();
    for share in neighbours(shares, above).into_iter().flat_map(|(above, below)| [above, below]) {
        regions = regions.with_fold(share.part.region, false);
        regions.heights.remove(&share.part.region);
    }
    regions
}

/// The two regions between which a border is moved.
pub fn neighbours(shares: &[Share], above: Region) -> Option<(&Share, &Share)> {
    let index = shares.iter().position(|share| share.part.region == above && share.border)?;
    let below = shares[index + 1..].iter().find(|share| !share.part.is_rigid())?;
    Some((&shares[index], below))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEIGHT: f32 = 600.0;

    fn talking() -> Vec<Part> {
        vec![Part::display(320.0), Part::functions(), Part::contacts()]
    }

    /// One of each kind, as when everything is there.
    fn all() -> Vec<Part> {
        let open = |region| Part { region, least: 60.0, usual: 90.0, most: f32::INFINITY };
        let places = [open(Region::Information), open(Region::Page)];
        talking().into_iter().chain(places).chain([Part::messages(150.0)]).collect()
    }

    fn height(shares: &[Share], region: Region) -> f32 {
        shares.iter().find(|share| share.part.region == region).map(|share| share.height).unwrap()
    }

    fn taken(shares: &[Share]) -> f32 {
        shares.iter().map(|share| share.height + if share.border { size::BORDER } else { 0.0 }).sum()
    }

    #[test]
    fn without_a_call_the_contacts_have_it_all() {
        let shares = divide(&[Part::functions(), Part::contacts()], HEIGHT, &Regions::default());
        assert_eq!(height(&shares, Region::Contacts), HEIGHT - size::FUNCTIONS);
        assert!(shares.iter().all(|share| !share.border));
    }

    #[test]
    fn a_border_far_past_its_ends_folds_and_the_height_from_before_is_kept() {
        let usual = Regions::default();
        let shares = divide(&talking(), HEIGHT, &usual);
        assert_eq!(height(&shares, Region::Display), 200.0);
        let larger = pull(&shares, Region::Display, 100.0, &usual);
        assert_eq!(larger.heights, [(Region::Display, 300)].into());
        let shares = divide(&talking(), HEIGHT, &larger);
        let folded = pull(&shares, Region::Display, -1_000.0, &larger);
        assert_eq!((&folded.heights, folded.is_folded(Region::Display)), (&larger.heights, true));
        let shares = divide(&talking(), HEIGHT, &folded);
        assert_eq!(height(&shares, Region::Display), size::FOLDED);
        assert_eq!(pull(&shares, Region::Display, 10.0, &folded), folded, "not far enough to unfold it");
        let shares = divide(&talking(), HEIGHT, &larger);
        let below = pull(&shares, Region::Display, 1_000.0, &larger);
        assert!(below.is_folded(Region::Contacts));
        let shares = divide(&talking(), HEIGHT, &below);
        assert_eq!(taken(&shares), HEIGHT);
        assert!(shares[0].elastic && height(&shares, Region::Contacts) == size::FOLDED);
    }

    #[test]
    fn a_window_that_is_too_low_for_all_shows_the_display() {
        let shares = divide(&talking(), 180.0, &Regions::default());
        assert_eq!(height(&shares, Region::Display), size::DISPLAY_LEAST);
        assert_eq!(height(&shares, Region::Contacts), 0.0);
    }

    #[test]
    fn keys_go_from_one_end_to_the_other_and_back() {
        let mut regions = Regions::default();
        let mut pressed = |times: usize, by: f32| {
            for _ in 0..times {
                let shares = divide(&talking(), HEIGHT, &regions);
                regions = step(&shares, Region::Display, by, &regions);
            }
            (regions.clone(), divide(&talking(), HEIGHT, &regions))
        };
        assert!(pressed(20, 24.0).0.is_folded(Region::Contacts));
        let (regions, shares) = pressed(1, -24.0);
        assert!(regions.fold.is_empty());
        assert_eq!(height(&shares, Region::Contacts), size::CONTACTS_LEAST);
        assert!(pressed(20, -24.0).0.is_folded(Region::Display));
        let (regions, shares) = pressed(1, 24.0);
        assert!(regions.fold.is_empty());
        assert_eq!(height(&shares, Region::Display), size::DISPLAY_LEAST);
    }

    #[test]
    fn messages_are_no_higher_than_what_is_in_them() {
        let parts = [Part::functions(), Part::contacts(), Part::messages(150.0)];
        let usual = Regions::default();
        let shares = divide(&parts, HEIGHT, &usual);
        assert_eq!(height(&shares, Region::Messages), 150.0);
        let smaller = pull(&shares, Region::Contacts, 50.0, &usual);
        assert_eq!(smaller.heights, [(Region::Messages, 100)].into());
        let shares = divide(&parts, HEIGHT, &smaller);
        assert_eq!(pull(&shares, Region::Contacts, -200.0, &smaller), usual);
        assert_eq!(reset(&shares, Region::Contacts, &smaller), usual);
    }

    proptest! {
        #[test]
        fn whatever_is_pulled_each_region_has_its_least_or_is_folded(
            pulls in prop::collection::vec((0..5usize, -700.0f32..700.0), 0..12),
            high in 700.0f32..1_200.0,
        ) {
            let parts = all();
            let mut regions = Regions::default();
            for (which, by) in pulls {
                let shares = divide(&parts, high, &regions);
                let borders: Vec<_> = shares.iter().filter(|share| share.border).collect();
                prop_assert_eq!(borders.len(), 4);
                let above = borders[which % borders.len()].part.region;
                regions = if by.abs() < 50.0 { step(&shares, above, by, &regions) }
                    else { pull(&shares, above, by, &regions) };
                let shares = divide(&parts, high, &regions);
                if shares.iter().any(|share| share.elastic) {
                    prop_assert!((taken(&shares) - high).abs() < 0.01);
                }
                for share in &shares {
                    let least = if share.folded { share.part.folded_height() } else { share.part.least };
                    prop_assert!(share.height >= least - 0.01, "{:?}", share);
                    prop_assert!(share.elastic || share.folded || share.height <= share.part.most);
                }
            }
        }
    }
}
