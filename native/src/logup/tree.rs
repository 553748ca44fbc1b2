//! The tree of fractions and its sumchecks. Naive twin: `zkllm.naive.sums`.

use super::blocks::{Blocks, Scratch, empty_block, lanes_of};
use super::layer::{Children, LayerSumcheck, table_lanes};
use super::leaves::{COMPUTED, Leaves};
use super::table::TASK;
use crate::field::Fr;
use crate::field::fractions::{BLOCK, FractionLanes, Quad, written};
use crate::field::lanes::Scalar;
use crate::field::slices;
use crate::sumcheck::{Interrupted, Poll, bits, check};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Blocks between two polls.
const POLLED: usize = 1 << 12;
/// Leaves from which on a tree is streamed: half of its memory for a fifth of its time.
pub const LARGE: usize = 1 << 27;
/// Trees less deep than this are computed in plain arithmetic: the tables above computed leaves need whole blocks.
const SHALLOW: usize = 12;

/// The stored layers, and the sumcheck of one layer at a time, in order.
struct Tree<L: FractionLanes> {
    depth: usize,
    root: [Fr; 2],
    /// Holds the stored layers, then the table of each computed one.
    memory: Vec<Quad<L>>,
    /// Where the children of the nodes of layer m lie.
    layers: Vec<Range<usize>>,
    /// The layer that is open, or was opened last.
    open: Option<(usize, LayerSumcheck<L>)>,
    /// Challenges of the open sumcheck.
    point: Vec<Fr>,
    /// The lowest stored layer is not kept: it is computed again when it is opened, in the memory of those above it,
    /// and more variables of the computed layers are bound before they have a table.
    streamed: bool,
}

/// A tree on one of the backends.
pub trait Argument: Send + Sync {
    /// Layers above the leaves.
    fn depth(&self) -> usize;
    /// (p, d) of the whole sum.
    fn root(&self) -> [Fr; 2];
    /// The layer whose sumcheck runs.
    fn layer(&self) -> Option<usize>;
    /// Unbound variables of the open sumcheck.
    fn remaining(&self) -> usize;
    /// Whether the sumcheck that is open, or else that of `layer`, may read the leaves.
    fn reads_leaves(&self, layer: Option<usize>) -> bool;
    /// Starts the sumcheck of layer j, which is above the last one opened, for a claim at z.
    fn open(
        &mut self,
        j: usize,
        z: Vec<Fr>,
        lambda: Fr,
        leaves: Option<&Leaves<'_>>,
        poll: Poll<'_>,
    ) -> Result<(), Interrupted>;
    fn round(&mut self, leaves: Option<&Leaves<'_>>, poll: Poll<'_>) -> Result<[Fr; 3], Interrupted>;
    fn bind(&mut self, c: Fr, leaves: Option<&Leaves<'_>>, poll: Poll<'_>) -> Result<(), Interrupted>;
    fn values(&self) -> [Fr; 4];
    /// p0, p1, q0', q1' of every node that the unbound variables tell apart.
    fn children(&self, leaves: Option<&Leaves<'_>>) -> [Vec<Fr>; 4];
}

/// The tree on the fastest backend.
pub fn build(leaves: &Leaves<'_>, streamed: bool, poll: Poll<'_>) -> Result<Box<dyn Argument>, Interrupted> {
    match slices::backend() {
        #[cfg(target_arch = "x86_64")]
        slices::Backend::Ifma if depth(leaves.total()) >= SHALLOW => {
            Ok(Box::new(Tree::<crate::field::ifma::Ifma>::new(leaves, streamed, poll)?))
        }
        _ => Ok(Box::new(Tree::<Scalar>::new(leaves, streamed, poll)?)),
    }
}

fn depth(leaves: usize) -> usize {
    bits(leaves).max(1)
}

fn node([p0, d1, p1, d0]: &[Fr; 4]) -> [Fr; 2] {
    [*p0 * d1 + *p1 * d0, *d0 * d1]
}

/// Computes the layer above the computed ones, as children of the next; `skipped`: the one above that.
fn lowest<L: FractionLanes>(
    out: &mut [MaybeUninit<Quad<L>>],
    skipped: bool,
    leaves: &Leaves<'_>,
    poll: Poll<'_>,
) -> Result<(), Interrupted> {
    let blocks = unbound(leaves, COMPUTED - 1);
    let lanes = BLOCK / L::WIDTH;
    let own = if skipped { lanes / 4 } else { lanes / 2 };
    for (step, out) in out.chunks_mut(own * POLLED).enumerate() {
        check(poll)?;
        out.par_chunks_mut(own).enumerate().with_min_len(TASK).for_each_init(
            || {
                let missing = || vec![L::missing(&Fr::ZERO); lanes];
                (Scratch::<L>::new(BLOCK), empty_block::<L>(BLOCK), missing(), Vec::with_capacity(lanes / 2))
            },
            |(scratch, block, children, between), (i, out)| {
                blocks.compute((step * POLLED + i) * BLOCK, BLOCK, scratch, block);
                L::pack(children, lanes_of(block));
                if !skipped {
                    return L::join(out, children);
                }
                L::join(&mut between.spare_capacity_mut()[..lanes / 2], children);
                // SAFETY: all of them were written. They are plain words, so that nothing has to be dropped.
                unsafe { between.set_len(lanes / 2) };
                L::join(out, between);
                between.clear();
            },
        );
    }
    Ok(())
}

fn unbound<'a>(leaves: &'a Leaves<'a>, height: usize) -> Blocks<'a> {
    Blocks { leaves, height, lambda: Fr::ZERO, weights: vec![Fr::ONE], stride: 0 }
}

/// The layer above, as children of the next.
fn above<L: FractionLanes>(out: &mut [MaybeUninit<Quad<L>>], children: &[Quad<L>]) {
    const CHUNK: usize = 64;
    out.par_chunks_mut(CHUNK)
        .zip(children.par_chunks(2 * CHUNK))
        .with_min_len(TASK)
        .for_each(|(out, children)| L::join(out, children));
}

/// Where the children of the nodes of each layer above the computed ones lie, in lanes: the lowest layer first.
fn places<L: FractionLanes>(leaves: usize) -> Vec<Range<usize>> {
    let (mut start, mut lanes) = (0, leaves.div_ceil(1 << COMPUTED).div_ceil(2 * L::WIDTH));
    let mut out = vec![];
    for _ in 0..depth(leaves).saturating_sub(COMPUTED) {
        out.push(start..start + lanes);
        (start, lanes) = (start + lanes, lanes.div_ceil(2));
    }
    out
}

impl<L: FractionLanes> Tree<L> {
    fn new(leaves: &Leaves<'_>, streamed: bool, poll: Poll<'_>) -> Result<Self, Interrupted> {
        let (total, depth) = (leaves.total(), depth(leaves.total()));
        let mut layers = places::<L>(total);
        // a layer that is stored must be left, and the blocks that are joined twice must be whole
        let streamed = streamed && layers.len() > 1 && depth >= SHALLOW;
        if let Some((first, others)) = layers.split_first_mut().filter(|_| streamed) {
            others.iter_mut().for_each(|range| *range = range.start - first.len()..range.end - first.len());
        }
        let stored = layers.iter().map(|range| range.end).max().unwrap_or(0);
        let tables =
            (0..COMPUTED.min(depth)).map(|height| table_lanes::<L>(total, depth - 1 - height, height, streamed));
        let size = tables.fold(stored, usize::max);
        let write = |out: &mut [MaybeUninit<Quad<L>>]| {
            let (mut done, mut rest) = out.split_at_mut(0);
            for range in &layers[streamed as usize..] {
                let (layer, after) = rest.split_at_mut(range.len());
                if range.start == 0 {
                    lowest::<L>(layer, streamed, leaves, poll)?;
                } else {
                    check(poll)?;
                    // SAFETY: the layer below was written in the last step.
                    let below = unsafe { std::slice::from_raw_parts(done.as_ptr().cast(), done.len()) };
                    above::<L>(layer, below);
                }
                (done, rest) = (layer, after);
            }
            rest.iter_mut().for_each(|quad| {
                quad.write(L::missing(&Fr::ZERO));
            });
            Ok(())
        };
        // SAFETY: the layers and the rest are all of the output.
        let memory = unsafe { written(size, write) }?;
        layers.reverse();
        let root = match layers.first() {
            Some(range) => node(&L::unpack(&memory[range.clone()])[0]),
            None => {
                let (mut scratch, mut block) = (Scratch::<Scalar>::new(1), empty_block::<Scalar>(1));
                unbound(leaves, depth - 1).compute(0, 1, &mut scratch, &mut block);
                node(&std::array::from_fn(|t| block[t][0]))
            }
        };
        Ok(Self { depth, root, memory, layers, open: None, point: vec![], streamed })
    }

    /// The claim p(z) + lambda q'(z), when z extends the point of the layer above.
    fn claim(&self, z: &[Fr], lambda: &Fr) -> Option<Fr> {
        let Some((c, point)) = z.split_last() else {
            return Some(self.root[0] + *lambda * (self.root[1] - Fr::ONE));
        };
        let (j, sumcheck) = self.open.as_ref()?;
        if j + 1 != z.len() || sumcheck.remaining() > 0 || self.point != point {
            return None;
        }
        let [p0, p1, q0, q1] = sumcheck.values();
        Some(p0 + *c * (p1 - p0) + *lambda * (q0 + *c * (q1 - q0)))
    }
}

impl<L: FractionLanes> Argument for Tree<L> {
    fn depth(&self) -> usize {
        self.depth
    }

    fn root(&self) -> [Fr; 2] {
        self.root
    }

    fn layer(&self) -> Option<usize> {
        self.open.as_ref().map(|(j, _)| *j)
    }

    fn remaining(&self) -> usize {
        self.open.as_ref().map_or(0, |(_, sumcheck)| sumcheck.remaining())
    }

    fn reads_leaves(&self, layer: Option<usize>) -> bool {
        match (layer, &self.open) {
            (Some(j), _) => j + COMPUTED + self.streamed as usize >= self.depth,
            (None, Some((_, sumcheck))) => sumcheck.reads_leaves(),
            (None, None) => false,
        }
    }

    fn open(
        &mut self,
        j: usize,
        z: Vec<Fr>,
        lambda: Fr,
        leaves: Option<&Leaves<'_>>,
        poll: Poll<'_>,
    ) -> Result<(), Interrupted> {
        let claim = self.claim(&z, &lambda);
        self.open = None;
        let children = match self.layers.get(j) {
            Some(range) => {
                if self.streamed && j + 1 == self.layers.len() {
                    let kept = &mut self.memory[range.clone()];
                    // SAFETY: written elements may be written again.
                    let out = unsafe { std::slice::from_raw_parts_mut(kept.as_mut_ptr().cast(), kept.len()) };
                    lowest::<L>(out, false, leaves.expect("given while they are read"), poll)?;
                }
                Children::Stored(range.clone())
            }
            None => Children::Computed(self.depth - 1 - j),
        };
        let sumcheck = LayerSumcheck::new(z, lambda, claim, children, self.streamed, &mut self.memory, leaves, poll)?;
        self.open = Some((j, sumcheck));
        self.point.clear();
        Ok(())
    }

    fn round(&mut self, leaves: Option<&Leaves<'_>>, poll: Poll<'_>) -> Result<[Fr; 3], Interrupted> {
        let (_, sumcheck) = self.open.as_mut().expect("a layer is open");
        sumcheck.round(leaves, poll)
    }

    fn bind(&mut self, c: Fr, leaves: Option<&Leaves<'_>>, poll: Poll<'_>) -> Result<(), Interrupted> {
        let (_, sumcheck) = self.open.as_mut().expect("a layer is open");
        sumcheck.bind(c, &mut self.memory, leaves, poll)?;
        self.point.push(c);
        Ok(())
    }

    fn values(&self) -> [Fr; 4] {
        let (_, sumcheck) = self.open.as_ref().expect("a layer is open");
        sumcheck.values()
    }

    fn children(&self, leaves: Option<&Leaves<'_>>) -> [Vec<Fr>; 4] {
        let (_, sumcheck) = self.open.as_ref().expect("a layer is open");
        sumcheck.children(&self.memory, leaves)
    }
}
