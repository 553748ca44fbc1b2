//! Integer LayerNorm of one row.

use super::range::{Checked, Width};

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

/// The three non-negative integers of a row, each as 8 little-endian words of 16 bits.
pub struct NormWords<'a> {
    pub rho: &'a mut [u16],
    pub u: &'a mut [u16],
    pub v: &'a mut [u16],
}

fn store(words: &mut [u16], x: i128) {
    for (i, word) in words.iter_mut().enumerate() {
        *word = (x >> (16 * i)) as u16;
    }
}

/// D = d X - S, Q = sum D^2 + eps, rho = floor(sqrt(d 2^(2 kappa) / Q)), y = round(D rho).
///
/// |D| < 2^56, so that Q and the target stay below 2^127 (predicates of the package).
pub fn layer_norm(
    n: usize,
    x: &[i64],
    spec: &NormSpec,
    words: NormWords<'_>,
    y: &mut [i16],
    rem: &mut [i64],
) -> Checked<()> {
    let d = x.len() as i64;
    let sum: i64 = x.iter().sum();
    let q = x.iter().map(|xj| (d * xj - sum) as i128).map(|c| c * c).sum::<i128>() + spec.eps;
    let target = (d as i128) << (2 * spec.kappa);
    let rho = (target / q).isqrt();
    let u = target - rho * rho * q;
    let v = (2 * rho + 1) * q - u - 1;
    store(words.rho, spec.rho.hold(rho, || format!("rho[{n}]"))?);
    store(words.u, spec.norm.hold(u, || format!("u[{n}]"))?);
    store(words.v, spec.norm.hold(v, || format!("v[{n}]"))?);
    let half = 1i128 << (spec.shift - 1);
    for ((xj, y), rem) in x.iter().zip(y).zip(rem) {
        let z = (d * xj - sum) as i128 * rho + half;
        *y = spec.y.hold(z >> spec.shift, || format!("y[{n}]"))? as i16;
        *rem = (z & ((1i128 << spec.shift) - 1)) as i64;
    }
    Ok(())
}
