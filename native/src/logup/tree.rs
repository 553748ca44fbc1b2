//! The tree of fractions. Naive twin: `zkllm.kernels.naive.LogUpTree`.

use crate::field::{Fr, slices};
use crate::sumcheck::{Interrupted, POLL_INTERVAL, Poll, bits, check};
use ark_ff::AdditiveGroup;
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
            .for_each(|((out_p, out_q), (p, q))| slices::parents(out_p, out_q, p, q));
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

    /// Frees what the sumchecks of layers j, j + 1, .. do not read: their children are in layers j + 1, ..
    pub fn release(&mut self, j: usize) {
        self.layers[1..=j].iter_mut().for_each(|layer| *layer = Layer::default());
    }

    /// The nodes of layer j < depth.
    pub fn layer(&self, j: usize) -> &Layer {
        &self.layers[j]
    }
}
