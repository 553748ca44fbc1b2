//! Number-theoretic transforms over the subgroups of order 2^k and their cosets.

#[cfg(target_arch = "x86_64")]
use crate::field::slices::{Backend, backend};
use crate::field::{Fr, slices};
use ark_ff::Field;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;

pub type Domain = Radix2EvaluationDomain<Fr>;

/// The subgroup of order n, a power of two up to 2^28.
pub fn domain(n: usize) -> Domain {
    assert!(n.is_power_of_two(), "the domain's order is a power of two");
    Domain::new(n).expect("order at most 2^28")
}

/// out[k] = gain lift^k sum_i shift^i xs[i] root^(i k), by the vector kernels; None where they do not apply.
fn vectorised(domain: &Domain, xs: &[Fr], root: Fr, shift: Fr, gain: Fr, lift: Fr) -> Option<Vec<Fr>> {
    #[cfg(target_arch = "x86_64")]
    {
        use crate::field::ifma::transform::{SHORTEST, Twisted};
        use ark_ff::AdditiveGroup;
        if backend() == Backend::Ifma && domain.size() >= SHORTEST {
            let twisted = Twisted { root, shift, gain, lift };
            if xs.len() == domain.size() {
                return Some(twisted.apply(xs));
            }
            let mut padded = xs.to_vec();
            padded.resize(domain.size(), Fr::ZERO);
            return Some(twisted.apply(&padded));
        }
    }
    let _ = (domain, xs, root, shift, gain, lift);
    None
}

/// Evaluations on H (natural order) of the polynomial with these coefficients (at most n of them).
pub fn forward(domain: &Domain, coefficients: &[Fr]) -> Vec<Fr> {
    vectorised(domain, coefficients, domain.group_gen(), Fr::ONE, Fr::ONE, Fr::ONE)
        .unwrap_or_else(|| domain.fft(coefficients))
}

/// Coefficients of the polynomial with these n evaluations on H.
pub fn inverse(domain: &Domain, evaluations: &[Fr]) -> Vec<Fr> {
    vectorised(domain, evaluations, domain.group_gen_inv(), Fr::ONE, domain.size_inv(), Fr::ONE)
        .unwrap_or_else(|| domain.ifft(evaluations))
}

/// Evaluations on the coset shift H of a polynomial of any degree: X^n is 1 on H, so coefficients n apart add up.
pub fn coset(domain: &Domain, coefficients: &[Fr], shift: Fr) -> Vec<Fr> {
    let n = domain.size();
    let mut reduced = coefficients[..n.min(coefficients.len())].to_vec();
    let around = shift.pow([n as u64]);
    let mut factor = Fr::ONE;
    for part in coefficients.chunks(n).skip(1) {
        factor *= around;
        slices::add_scaled(&mut reduced[..part.len()], &factor, part);
    }
    vectorised(domain, &reduced, domain.group_gen(), shift, Fr::ONE, Fr::ONE)
        .unwrap_or_else(|| domain.fft(&scale(&reduced, shift)))
}

/// Coefficients of the polynomial of degree below n with these evaluations on the coset shift H.
pub fn inverse_coset(domain: &Domain, evaluations: &[Fr], shift: Fr) -> Vec<Fr> {
    let lift = shift.inverse().expect("a coset of the subgroup");
    vectorised(domain, evaluations, domain.group_gen_inv(), Fr::ONE, domain.size_inv(), lift)
        .unwrap_or_else(|| scale(&domain.ifft(evaluations), lift))
}

/// f(shift X): coefficient i times shift^i.
fn scale(coefficients: &[Fr], shift: Fr) -> Vec<Fr> {
    const CHUNK: usize = 4096;
    let mut out = coefficients.to_vec();
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, chunk)| {
        let mut power = shift.pow([(i * CHUNK) as u64]);
        for x in chunk {
            *x *= power;
            power *= shift;
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, FftField};

    fn element(i: usize) -> Fr {
        let x = Fr::from(i as u64 + 2).pow([77 + i as u64 % 5]);
        [x, Fr::ZERO, -Fr::ONE, x][i % 4]
    }

    fn value(coefficients: &[Fr], x: Fr) -> Fr {
        coefficients.iter().rev().fold(Fr::ZERO, |sum, c| sum * x + c)
    }

    /// Values at single points, and back; the sizes around those from which vectors are used, square and not.
    #[test]
    fn transforms_are_evaluations() {
        for log2 in [0, 3, 5, 6, 7, 10, 11] {
            let (n, domain) = (1usize << log2, domain(1 << log2));
            let shift = Fr::GENERATOR;
            for len in [n, n - n / 3] {
                let f: Vec<Fr> = (0..len).map(element).collect();
                let (on_subgroup, on_coset) = (forward(&domain, &f), coset(&domain, &f, shift));
                for k in [0, 1, n / 2, n - 1, n / 3].into_iter().filter(|k| *k < n) {
                    let x = domain.group_gen().pow([k as u64]);
                    assert_eq!(on_subgroup[k], value(&f, x), "{n}");
                    assert_eq!(on_coset[k], value(&f, shift * x), "{n}");
                }
                let mut padded = f.clone();
                padded.resize(n, Fr::ZERO);
                assert_eq!(inverse(&domain, &on_subgroup), padded);
                assert_eq!(inverse_coset(&domain, &on_coset, shift), padded);
            }
            let long: Vec<Fr> = (0..2 * n + n / 2).map(element).collect();
            let last = shift * domain.group_gen().pow([n as u64 - 1]);
            assert_eq!(coset(&domain, &long, shift)[n - 1], value(&long, last));
        }
    }
}
