//! Without vector intrinsics, in a form that compilers vectorise.

use super::{Acts, Lanes, TILE};

/// lanes[r] += products of a tile's columns with row r of a group; lines are `stride` apart.
pub fn tile(acts: &[Acts], lines: &[i16], stride: usize, lanes: &mut [Lanes]) {
    for (p, a) in acts.iter().enumerate() {
        let upper: &[i16; TILE] = lines[2 * p * stride..][..TILE].try_into().expect("a tile");
        let lower: &[i16; TILE] = lines[(2 * p + 1) * stride..][..TILE].try_into().expect("a tile");
        for (lanes, a) in lanes.iter_mut().zip(a) {
            for (lanes, pair) in lanes.iter_mut().zip(a) {
                let (x, y) = (i32::from(*pair as u16 as i16), i32::from((pair >> 16) as u16 as i16));
                for j in 0..TILE {
                    lanes[j] += i32::from(upper[j]) * x + i32::from(lower[j]) * y;
                }
            }
        }
    }
}
