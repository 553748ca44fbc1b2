//! The leaves of all lookups: p = numerator, q' = alpha - tag - beta input - beta^2 output - 1.

use crate::field::{self, Fr, slices};
use crate::sumcheck::table::IntView;
use crate::sumcheck::{Interrupted, POLL_INTERVAL, Poll, check};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

const CHUNK: usize = 1 << 11;

pub enum Numerator<'a> {
    Constant(Fr),
    Ints(IntView<'a>),
}

/// Lookups that lie at consecutive addresses.
pub struct Segment<'a> {
    pub address: usize,
    pub tag: Fr,
    pub numerator: Numerator<'a>,
    pub input: IntView<'a>,
    pub output: Option<IntView<'a>>,
}

impl Segment<'_> {
    fn write(&self, base: &Fr, [a, b]: [&Fr; 2], start: usize, p: &mut [Fr], q: &mut [Fr]) {
        let (mut input, mut output, len) = ([0; CHUNK], [0; CHUNK], p.len());
        match &self.numerator {
            Numerator::Constant(c) => p.fill(*c),
            Numerator::Ints(t) => {
                t.read(start, &mut input[..len]);
                for (x, &v) in p.iter_mut().zip(&input) {
                    *x = match v {
                        0 => Fr::ZERO,
                        1 => Fr::ONE,
                        _ => field::from_i64(v),
                    };
                }
            }
        }
        self.input.read(start, &mut input[..len]);
        if let Some(t) = &self.output {
            t.read(start, &mut output[..len]);
        }
        slices::small_form(q, base, [a, b], &input[..len], &output[..len]);
    }
}

/// Numerators and denominators minus 1 of `total` leaves; what no segment covers is (0, 0).
/// The segments must be disjoint and end within `total`.
pub fn build(
    total: usize,
    segments: &[Segment<'_>],
    alpha: Fr,
    beta: Fr,
    poll: Poll<'_>,
) -> Result<(Vec<Fr>, Vec<Fr>), Interrupted> {
    let (mut p, mut q) = (vec![Fr::ZERO; total], vec![Fr::ZERO; total]);
    let (a, b) = (-beta, -beta.square());
    for s in segments {
        let range = s.address..s.address + s.input.len();
        let base = alpha - s.tag - Fr::ONE;
        let parts = p[range.clone()].chunks_mut(POLL_INTERVAL).zip(q[range].chunks_mut(POLL_INTERVAL));
        for (part, (p, q)) in parts.enumerate() {
            check(poll)?;
            p.par_chunks_mut(CHUNK).zip(q.par_chunks_mut(CHUNK)).enumerate().for_each(|(i, (p, q))| {
                s.write(&base, [&a, &b], part * POLL_INTERVAL + i * CHUNK, p, q);
            });
        }
    }
    Ok((p, q))
}
