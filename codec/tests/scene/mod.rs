//! Moving pictures made by arithmetic, and how alike two pictures are.

use codec::{Picture, PictureMut};

/// Picture `n` of a scene: soft waves that drift, a hard-edged square that runs across, a little grain.
pub fn picture(width: u32, height: u32, n: u32) -> Picture {
    let mut picture = PictureMut::black(width, height).expect("a possible size");
    let planes = picture.planes_mut();
    let mut grain = 0x9e37_79b9u32 ^ n.wrapping_mul(0x85eb_ca6b);
    let square = (n * 4) % width;
    for (y, row) in planes.y.chunks_mut(planes.y_stride).enumerate() {
        for (x, sample) in row.iter_mut().take(width as usize).enumerate() {
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let wave = ((x as f32 + n as f32 * 1.5) * 0.07).sin() + ((y as f32 - n as f32) * 0.05).cos();
            let inside =
                (square..square + height / 4).contains(&(x as u32)) && (height / 3..height / 2).contains(&(y as u32));
            *sample = if inside { 220 } else { (120.0 + 40.0 * wave) as u8 + (grain >> 30) as u8 };
        }
    }
    for (k, plane) in [planes.u, planes.v].into_iter().enumerate() {
        for (y, row) in plane.chunks_mut(planes.c_stride).enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                *sample = (128.0 + 30.0 * ((x + k * y) as f32 * 0.05 + n as f32 * 0.02).sin()) as u8;
            }
        }
    }
    picture.freeze()
}

/// Peak signal-to-noise ratio of the luma planes, dB.
#[allow(dead_code)] // each test program uses what it needs of this module
pub fn psnr(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let (width, height) = (a.width() as usize, a.height() as usize);
    let mut sum = 0u64;
    for (p, q) in a.rows().zip(b.rows()).take(height) {
        sum += p.iter().zip(q).map(|(&p, &q)| u64::from(p.abs_diff(q)).pow(2)).sum::<u64>();
    }
    10.0 * (255.0 * 255.0 * (width * height) as f64 / sum.max(1) as f64).log10()
}
