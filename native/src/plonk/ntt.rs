//! Number-theoretic transforms over the subgroups of order 2^k and their cosets.

use crate::field::Fr;
use ark_ff::Field;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;

pub type Domain = Radix2EvaluationDomain<Fr>;

/// The subgroup of order n, a power of two up to 2^28.
pub fn domain(n: usize) -> Domain {
    assert!(n.is_power_of_two(), "the domain's order is a power of two");
    Domain::new(n).expect("order at most 2^28")
}

/// Evaluations on H (natural order) of the polynomial with these coefficients (at most n of them).
pub fn forward(domain: &Domain, coefficients: &[Fr]) -> Vec<Fr> {
    domain.fft(coefficients)
}

/// Coefficients of the polynomial with these n evaluations on H.
pub fn inverse(domain: &Domain, evaluations: &[Fr]) -> Vec<Fr> {
    domain.ifft(evaluations)
}

/// f(shift X): coefficient i times shift^i.
pub fn scale(coefficients: &[Fr], shift: Fr) -> Vec<Fr> {
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

/// Evaluations on the coset shift H of a polynomial of any degree: X^n is 1 on H, so coefficients n apart add up.
pub fn coset(domain: &Domain, coefficients: &[Fr], shift: Fr) -> Vec<Fr> {
    let mut scaled = scale(coefficients, shift);
    let n = domain.size();
    for i in n..scaled.len() {
        let c = scaled[i];
        scaled[i % n] += c;
    }
    scaled.truncate(n);
    forward(domain, &scaled)
}
