//! From any number of loudspeakers to one or two channels.

use crate::opus::Channels;

/// Appends interleaved frames of `from` channels to `out` as one or two channels.
///
/// Five and six channels are left, right, centre, (low frequencies,) left and right surround, mixed as ITU-R BS.775
/// says and scaled so that nothing can clip. Other layouts keep their first two.
pub(super) fn mix(samples: &[f32], from: usize, to: Channels, out: &mut Vec<f32>) {
    const THIRD: f32 = std::f32::consts::FRAC_1_SQRT_2;
    const SCALE: f32 = 1.0 / (1.0 + 2.0 * THIRD);
    if from == to.count() {
        out.extend_from_slice(samples);
        return;
    }
    for frame in samples.chunks_exact(from.max(1)) {
        let (left, right) = match *frame {
            [one] => (one, one),
            [l, r, c, ls, rs] | [l, r, c, _, ls, rs] => {
                (SCALE * (l + THIRD * (c + ls)), SCALE * (r + THIRD * (c + rs)))
            }
            [l, r, ..] => (l, r),
            [] => return,
        };
        match to {
            Channels::Mono => out.push(0.5 * (left + right)),
            Channels::Stereo => out.extend_from_slice(&[left, right]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(samples: &[f32], from: usize, to: Channels) -> Vec<f32> {
        let mut out = Vec::new();
        mix(samples, from, to, &mut out);
        out
    }

    #[test]
    fn every_layout_lands_where_it_should() {
        assert_eq!(mixed(&[0.5, -0.5], 1, Channels::Mono), [0.5, -0.5]);
        assert_eq!(mixed(&[0.5], 1, Channels::Stereo), [0.5, 0.5]);
        assert_eq!(mixed(&[1.0, 0.0, 0.2, 0.4], 2, Channels::Mono), [0.5, 0.3]);
        let centre = mixed(&[0.0, 0.0, 1.0, 0.0, 0.0, 0.0], 6, Channels::Stereo);
        assert!((centre[0] - 0.293).abs() < 0.001 && centre[0] == centre[1]);
        assert_eq!(mixed(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0], 6, Channels::Stereo), [0.0, 0.0], "no low frequency channel");
        let all = mixed(&[1.0; 6], 6, Channels::Stereo);
        assert!(all.iter().all(|sample| *sample <= 1.000_001));
        assert_eq!(mixed(&[1.0], 0, Channels::Mono), [1.0], "no channels are taken for one");
    }
}
