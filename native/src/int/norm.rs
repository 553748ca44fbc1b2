//! Integer LayerNorm of some rows.

use super::range::{Checked, Width, first_error};
use rayon::prelude::*;

/// The norm's three integers are kept as words of 16 bits.
pub const WORDS: usize = 8;

/// Scales and widths of all LayerNorms.
#[derive(Clone, Copy)]
pub struct NormSpec {
    pub kappa: u32,
    pub shift: u32,
    pub eps: i128,
    pub rho: Width,
    pub norm: Width,
    pub y: Width,
}

/// Where the values go: three non-negative integers of each row, as `WORDS` little-endian words, and its features.
pub struct NormRows<'a> {
    pub rho: &'a mut [u16],
    pub u: &'a mut [u16],
    pub v: &'a mut [u16],
    pub y: &'a mut [i16],
    pub rem: &'a mut [i64],
}

fn store(words: &mut [u16], x: i128) {
    for (i, word) in words.iter_mut().enumerate() {
        *word = (x >> (16 * i)) as u16;
    }
}

/// D = d X - S, Q = sum D^2 + eps, rho = floor(sqrt(d 2^(2 kappa) / Q)), y = round(D rho).
///
/// |D| < 2^56, so that Q and the target stay below 2^127 (predicates of the package). `names`, for errors: those of
/// rho, u, v and y.
pub fn layer_norm_rows(
    x: &[i64],
    width: usize,
    spec: &NormSpec,
    names: &[String; 4],
    out: NormRows<'_>,
) -> Checked<()> {
    let results = x
        .par_chunks(width)
        .zip(out.rho.par_chunks_mut(WORDS))
        .zip(out.u.par_chunks_mut(WORDS))
        .zip(out.v.par_chunks_mut(WORDS))
        .zip(out.y.par_chunks_mut(width))
        .zip(out.rem.par_chunks_mut(width))
        .map(|(((((x, rho), u), v), y), rem)| layer_norm(x, spec, names, NormRows { rho, u, v, y, rem }))
        .collect();
    first_error(results)
}

fn layer_norm(x: &[i64], spec: &NormSpec, names: &[String; 4], out: NormRows<'_>) -> Checked<()> {
    let d = x.len() as i64;
    let sum: i64 = x.iter().sum();
    let q = x.iter().map(|xj| (d * xj - sum) as i128).map(|c| c * c).sum::<i128>() + spec.eps;
    let target = (d as i128) << (2 * spec.kappa);
    let rho = (target / q).isqrt();
    let u = target - rho * rho * q;
    let v = (2 * rho + 1) * q - u - 1;
    store(out.rho, spec.rho.hold(rho, || names[0].clone())?);
    store(out.u, spec.norm.hold(u, || names[1].clone())?);
    store(out.v, spec.norm.hold(v, || names[2].clone())?);
    let half = 1i128 << (spec.shift - 1);
    for ((xj, y), rem) in x.iter().zip(out.y).zip(out.rem) {
        let z = (d * xj - sum) as i128 * rho + half;
        *y = spec.y.hold(z >> spec.shift, || names[3].clone())? as i16;
        *rem = (z & ((1i128 << spec.shift) - 1)) as i64;
    }
    Ok(())
}
