//! Mercury's folds (docs/protocol.md, 6). Twins: `zkllm/naive/polynomials.py`.

use super::ntt;
use super::poly::inner;
use crate::field::Fr;
use rayon::prelude::*;

/// h[row] = sum_col weights[col] f[row b + col], b = weights.len().
pub fn fold_columns(f: &[Fr], weights: &[Fr]) -> Vec<Fr> {
    f.par_chunks(weights.len()).map(|row| inner(row, weights)).collect()
}

/// S with g(X) p(1/X) + g(1/X) p(X) = constant + X S(X) + S(1/X)/X, for g and p of one length m; m - 1 coefficients.
pub fn symmetric_part(g: &[Fr], p: &[Fr]) -> Vec<Fr> {
    let m = g.len();
    assert_eq!(m, p.len(), "polynomials of one length");
    let domain = ntt::domain((2 * m).next_power_of_two());
    let reversed: Vec<Fr> = p.iter().rev().copied().collect();
    let (mut a, b) = rayon::join(|| ntt::forward(&domain, g), || ntt::forward(&domain, &reversed));
    a.par_iter_mut().zip(&b).for_each(|(x, y)| *x *= y);
    let product = ntt::inverse(&domain, &a); // coefficient m - 1 + k: sum g_(i+k) p_i
    (1..m).map(|k| product[m - 1 + k] + product[m - 1 - k]).collect()
}
