//! The tree of fractions. Naive twin: `zkllm.kernels.naive.LogUpTree`.

use crate::field::Fr;
use crate::sumcheck::{Interrupted, POLL_INTERVAL, Poll, bits, check};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

const CHUNK: usize = 1 << 11;

/// One layer: numerators and denominators minus 1, of real length.
#[derive(Default)]
pub struct Layer {
    pub p: Vec<Fr>,
    pub q: Vec<Fr>,
}

/// The inner layers; the leaves stay with the caller.
pub struct Tree {
    /// `layers[j]` has ceil(leaves / 2^(depth - j)) nodes, for j < depth.
    layers: Vec<Layer>,
}

/// The parent of two nodes.
#[inline]
fn parent(p: [Fr; 2], q: [Fr; 2]) -> (Fr, Fr) {
    let one_q1 = q[1] + Fr::ONE;
    // p0 (1 + q1) + p1 (1 + q0), q0 (1 + q1) + q1
    (p[0] * one_q1 + p[1] + p[1] * q[0], q[0] * one_q1 + q[1])
}

fn parents(p: &[Fr], q: &[Fr], poll: Poll<'_>) -> Result<Layer, Interrupted> {
    let n = p.len().div_ceil(2);
    let mut layer = Layer { p: vec![Fr::ZERO; n], q: vec![Fr::ZERO; n] };
    let steps = layer.p.chunks_mut(POLL_INTERVAL / 4).zip(layer.q.chunks_mut(POLL_INTERVAL / 4));
    let children = p.chunks(POLL_INTERVAL / 2).zip(q.chunks(POLL_INTERVAL / 2));
    for ((out_p, out_q), (p, q)) in steps.zip(children) {
        check(poll)?;
        out_p
            .par_chunks_mut(CHUNK)
            .zip(out_q.par_chunks_mut(CHUNK))
            .zip(p.par_chunks(2 * CHUNK).zip(q.par_chunks(2 * CHUNK)))
            .for_each(|((out_p, out_q), (p, q))| {
                for ((x, y), (p, q)) in out_p.iter_mut().zip(out_q).zip(p.chunks(2).zip(q.chunks(2))) {
                    (*x, *y) = match p.len() {
                        2 => parent([p[0], p[1]], [q[0], q[1]]),
                        _ => (p[0], q[0]), // the sibling is missing
                    };
                }
            });
    }
    Ok(layer)
}

impl Tree {
    pub fn new(p: &[Fr], q: &[Fr], poll: Poll<'_>) -> Result<Self, Interrupted> {
        assert!(!p.is_empty() && p.len() == q.len());
        let depth = bits(p.len()).max(1);
        let mut layers = vec![parents(p, q, poll)?];
        while layers.len() < depth {
            let last = &layers[layers.len() - 1];
            layers.push(parents(&last.p, &last.q, poll)?);
        }
        layers.reverse();
        Ok(Self { layers })
    }

    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// (p, q - 1) of the whole sum.
    pub fn root(&self) -> (Fr, Fr) {
        (self.layers[0].p[0], self.layers[0].q[0])
    }

    /// The nodes of layer j < depth.
    pub fn layer(&self, j: usize) -> &Layer {
        &self.layers[j]
    }
}
