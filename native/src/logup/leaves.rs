//! The leaves of all lookups, computed from the integers whenever they are needed: p = numerator and
//! d = alpha - tag - beta input - beta^2 output.
//!
//! Leaves of one segment, and the nodes one and two layers above them, are affine forms in a few integers:
//! d = a + b x, so d0 d1 = a^2 + a b (x0 + x1) + b^2 x0 x1. A form is also what a sumcheck's challenges make of
//! such nodes. Blocks that span segments, and integers too wide for the forms, take field arithmetic.

use crate::field::fractions::{BLOCK, Column, OFFSET};
use crate::field::{Fr, from_i64};
use crate::sumcheck::table::{IntType, IntView};
use ark_ff::{AdditiveGroup, Field};
use std::ops::Range;

/// Layers below the lowest stored one: leaves, their parents and grandparents are computed.
pub const COMPUTED: usize = 3;
/// Leaves under the widest computed block.
const SPAN: usize = BLOCK << COMPUTED;
/// The product of the pairs' products is cut here into two integers of less than 52 bits.
const CUT: u32 = 18;

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
    fn range(&self) -> Range<usize> {
        self.address..self.address + self.input.len()
    }
}

/// Nodes 2^height leaves above which a segment's nodes are forms, for each of `classes` places modulo `classes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub classes: usize,
    pub height: usize,
}

/// What a segment's values allow.
struct Plan {
    /// alpha - tag - beta `middles[0]` - beta^2 `middles[1]`
    constant: Fr,
    /// Subtracted from input and output, which makes them smaller.
    middles: [i64; 2],
    /// Bounds on the integers that its leaves, their parents, and their grandparents are forms in, if they are.
    bounds: [Option<Vec<u64>>; COMPUTED],
}

/// The segments' plans, which outlive their views.
pub struct Plans {
    total: usize,
    plans: Vec<Plan>,
    /// -beta, -beta^2
    slopes: [Fr; 2],
}

/// The middle of the values' range, for unsigned values of 16 bits.
fn middle(t: &IntView<'_>) -> i64 {
    if t.dtype() == IntType::U16 { 1 << 15 } else { 0 }
}

/// A bound on the values less their middle.
fn bound(t: &IntView<'_>) -> u128 {
    if t.dtype() == IntType::U16 { 1 << 15 } else { t.max_abs().into() }
}

/// Bounds on the absolute values of `columns`, if they are all below `OFFSET`.
fn column_bounds(height: usize, x: u128, y: Option<u128>, p: Option<u128>) -> Option<Vec<u64>> {
    let mut bounds = match height {
        0 => [Some(x), y, p].into_iter().flatten().collect(),
        1 => vec![2 * x, x * x],
        _ if x <= 1 << 16 && y.is_none() && p.is_none() => {
            let square = x * x;
            vec![4 * x, 6 * square, 4 * square * x, square << CUT, square * ((square >> CUT) + 1)]
        }
        _ => return None,
    };
    if height == 1 {
        bounds.extend(y.into_iter().flat_map(|y| [2 * y, 2 * x * y, y * y]));
        if let Some(p) = p {
            bounds.extend([2 * p, 2 * p * x]);
            bounds.extend(y.map(|y| 2 * p * y));
        }
    }
    bounds.iter().all(|b| *b < OFFSET.into()).then(|| bounds.iter().map(|b| *b as u64).collect())
}

impl Plans {
    /// `segments` must be disjoint, in ascending order, and end within `total` > 0.
    pub fn new(total: usize, segments: &[Segment<'_>], alpha: Fr, beta: Fr) -> Self {
        let slopes = [-beta, -beta.square()];
        let plan = |s: &Segment<'_>| {
            let middles = [middle(&s.input), s.output.as_ref().map_or(0, middle)];
            let mut constant = alpha - s.tag;
            slopes.iter().zip(middles).for_each(|(slope, m)| constant += *slope * from_i64(m));
            let (x, y) = (bound(&s.input), s.output.as_ref().map(bound));
            let p = match &s.numerator {
                Numerator::Constant(_) => None,
                Numerator::Ints(t) => Some(t.max_abs().into()),
            };
            Plan { constant, middles, bounds: [0, 1, 2].map(|height| column_bounds(height, x, y, p)) }
        };
        Self { total, plans: segments.iter().map(plan).collect(), slopes }
    }

    pub fn total(&self) -> usize {
        self.total
    }
}

/// What lies at a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Nothing,
    Segment(usize),
    Mixed,
}

pub struct Leaves<'a> {
    plans: &'a Plans,
    segments: &'a [Segment<'a>],
}

/// Integers of one block, and columns made of them for each class.
pub struct Gathered {
    raw: Box<[[i64; SPAN]; 3]>,
    pub columns: [Vec<Column>; 4],
}

impl Default for Gathered {
    fn default() -> Self {
        Self { raw: Box::new([[0; SPAN]; 3]), columns: Default::default() }
    }
}

/// base + sum of coefficient * column, for [numerator, denominator].
pub struct Forms {
    pub base: [Fr; 2],
    pub coefs: Vec<[Fr; 2]>,
}

impl<'a> Leaves<'a> {
    /// `segments` as they were given to `Plans::new`.
    pub fn new(plans: &'a Plans, segments: &'a [Segment<'a>]) -> Self {
        assert_eq!(plans.plans.len(), segments.len());
        Self { plans, segments }
    }

    pub fn total(&self) -> usize {
        self.plans.total
    }

    pub fn piece(&self, range: Range<usize>) -> Piece {
        let at = self.segments.partition_point(|s| s.range().end <= range.start);
        match self.segments.get(at) {
            Some(s) if s.address <= range.start && s.range().end >= range.end => Piece::Segment(at),
            Some(s) if s.address < range.end => Piece::Mixed,
            _ => Piece::Nothing,
        }
    }

    /// How the nodes of `height` over all of these pieces are formed, if they are.
    pub fn shape(&self, pieces: &[Piece], height: usize) -> Option<Shape> {
        let all = |height: usize| {
            pieces.iter().all(|piece| match piece {
                Piece::Nothing => true,
                Piece::Segment(at) => self.plans.plans[*at].bounds[height].is_some(),
                Piece::Mixed => false,
            })
        };
        match height {
            2 if !all(2) => all(1).then_some(Shape { classes: 4, height: 1 }),
            _ => all(height).then_some(Shape { classes: 2, height }),
        }
    }

    /// Bounds on the columns that a piece has for nodes 2^height leaves high.
    pub fn bounds(&self, piece: Piece, height: usize) -> &[u64] {
        let Piece::Segment(at) = piece else { return &[] };
        self.plans.plans[at].bounds[height].as_deref().unwrap_or_default()
    }

    /// The shape of nodes that are forms in integers whose products are machine integers.
    pub fn bilinear(&self, pieces: &[Piece], height: usize) -> Option<Shape> {
        let small = |piece: &Piece| self.bounds(*piece, height).iter().all(|b| *b <= 1 << 31);
        self.shape(pieces, height).filter(|_| pieces.iter().all(small))
    }

    /// The sum of the pieces' nodes with weights, as forms in the columns that `gather` appends for each piece.
    pub fn forms(&self, shape: Shape, pieces: &[Piece], weights: &[Fr]) -> Forms {
        let mut sum = Forms { base: [Fr::ZERO; 2], coefs: vec![] };
        for (piece, w) in pieces.iter().zip(weights) {
            let Piece::Segment(at) = *piece else {
                sum.base[1] += w; // 0 / 1
                continue;
            };
            let form = self.segment_forms(shape.height, at);
            (0..2).for_each(|i| sum.base[i] += *w * form.base[i]);
            sum.coefs.extend(form.coefs.into_iter().map(|c| c.map(|x| *w * x)));
        }
        sum
    }

    /// The forms of a segment's nodes, in the columns of `columns`.
    fn segment_forms(&self, height: usize, at: usize) -> Forms {
        let (segment, a, [b, c]) = (&self.segments[at], self.plans.plans[at].constant, self.plans.slopes);
        let (outputs, zero) = (segment.output.is_some(), Fr::ZERO);
        // for a numerator of 1
        let (base, mut coefs) = match height {
            0 => ([Fr::ONE, a], if outputs { vec![[zero, b], [zero, c]] } else { vec![[zero, b]] }),
            1 => {
                let mut coefs = vec![[b, a * b], [zero, b.square()]];
                if outputs {
                    coefs.extend([[c, a * c], [zero, b * c], [zero, c.square()]]);
                }
                ([a.double(), a.square()], coefs)
            }
            _ => {
                let (aa, ab, bb) = (a.square(), a * b, b.square());
                let coefs = vec![
                    [ab * a * Fr::from(3u64), ab * aa],
                    [(ab * b).double(), ab.square()],
                    [bb * b, ab * bb],
                    [zero, bb.square()],
                    [zero, bb.square() * Fr::from(1u64 << CUT)],
                ];
                ([(aa * a).double().double(), aa.square()], coefs)
            }
        };
        match &segment.numerator {
            Numerator::Constant(n) => {
                coefs.iter_mut().for_each(|x| x[0] *= n);
                Forms { base: [base[0] * n, base[1]], coefs }
            }
            Numerator::Ints(_) => {
                coefs.iter_mut().for_each(|x| x[0] = zero);
                let own = if height == 0 { &[Fr::ONE][..] } else { &[a, b, c][..2 + outputs as usize] };
                coefs.extend(own.iter().map(|x| [*x, zero]));
                Forms { base: [zero, base[1]], coefs }
            }
        }
    }

    /// Appends the columns of n nodes in each class, from the leaf `start` on.
    #[inline(always)]
    pub fn gather(&self, shape: Shape, piece: Piece, start: usize, n: usize, out: &mut Gathered) {
        let Piece::Segment(at) = piece else { return };
        let s = &self.segments[at];
        let (from, len) = (start - s.address, (n * shape.classes) << shape.height);
        let [x, y, p] = &mut *out.raw;
        let middles = self.plans.plans[at].middles;
        for (t, out, middle) in [(Some(&s.input), &mut *x, middles[0]), (s.output.as_ref(), &mut *y, middles[1])] {
            if let Some(t) = t {
                t.read(from, &mut out[..len]);
                out[..len].iter_mut().for_each(|v| *v = v.wrapping_sub(middle));
            }
        }
        if let Numerator::Ints(t) = &s.numerator {
            t.read(from, &mut p[..len]);
        }
        let y = s.output.is_some().then_some(&*y);
        let p = matches!(s.numerator, Numerator::Ints(_)).then_some(&*p);
        match (shape.classes, shape.height) {
            (2, 0) => columns::<2, 0, 2>(x, y, p, &mut out.columns),
            (2, 1) => columns::<2, 1, 4>(x, y, p, &mut out.columns),
            (4, 1) => columns::<4, 1, 8>(x, y, p, &mut out.columns),
            (2, 2) => columns::<2, 2, 8>(x, y, p, &mut out.columns),
            _ => unreachable!("no such shape"),
        }
    }

    /// Numerators and denominators in field arithmetic, of nodes 2^height leaves high.
    pub fn nodes(&self, start: usize, n: usize, height: usize) -> (Vec<Fr>, Vec<Fr>) {
        let (first, len) = (start << height, n << height);
        let (mut p, mut d) = (vec![Fr::ZERO; len], vec![Fr::ONE; len]);
        let [b, c] = self.plans.slopes;
        let mut at = self.segments.partition_point(|s| s.range().end <= first);
        while let Some(s) = self.segments.get(at)
            && s.address < first + len
        {
            let range = s.address.max(first)..s.range().end.min(first + len);
            let mut ints = vec![0; range.len()];
            let mut read = |t: &IntView<'_>, f: &mut dyn FnMut(usize, Fr)| {
                t.read(range.start - s.address, &mut ints);
                ints.iter().enumerate().for_each(|(i, &v)| f(range.start - first + i, from_i64(v)));
            };
            let a = self.plans.plans[at].constant;
            let [x0, y0] = self.plans.plans[at].middles.map(from_i64);
            read(&s.input, &mut |i, x| d[i] = a + b * (x - x0));
            if let Some(t) = &s.output {
                read(t, &mut |i, y| d[i] += c * (y - y0));
            }
            match &s.numerator {
                Numerator::Constant(n) => p[range.start - first..range.end - first].fill(*n),
                Numerator::Ints(t) => read(t, &mut |i, n| p[i] = n),
            }
            at += 1;
        }
        for _ in 0..height {
            for i in 0..p.len() / 2 {
                let (p0, p1, d0, d1) = (p[2 * i], p[2 * i + 1], d[2 * i], d[2 * i + 1]);
                (p[i], d[i]) = (p0 * d1 + p1 * d0, d0 * d1);
            }
            p.truncate(p.len() / 2);
            d.truncate(d.len() / 2);
        }
        (p, d)
    }
}

/// Appends to each class the integers of its nodes' forms; see `Leaves::forms`. Places beyond the block's nodes
/// hold anything. `GROUP` is CLASSES 2^HEIGHT.
#[inline(always)]
fn columns<const CLASSES: usize, const HEIGHT: usize, const GROUP: usize>(
    x: &[i64; SPAN],
    y: Option<&[i64; SPAN]>,
    p: Option<&[i64; SPAN]>,
    out: &mut [Vec<Column>; 4],
) {
    fn groups<const GROUP: usize>(t: &[i64; SPAN]) -> &[[i64; GROUP]] {
        t.as_slice().as_chunks().0
    }
    let (x, y, p) = (groups(x), y.map(groups), p.map(groups));
    for class in 0..CLASSES {
        let (out, at) = (&mut out[class], class << HEIGHT);
        let single = |t: &[[i64; GROUP]], k: usize| t[k][at];
        let sum = |t: &[[i64; GROUP]], k: usize| t[k][at].wrapping_add(t[k][at + 1]);
        let product = |t: &[[i64; GROUP]], k: usize| t[k][at].wrapping_mul(t[k][at + 1]);
        let cross = |s: &[[i64; GROUP]], t: &[[i64; GROUP]], k: usize| {
            s[k][at].wrapping_mul(t[k][at + 1]).wrapping_add(s[k][at + 1].wrapping_mul(t[k][at]))
        };
        match HEIGHT {
            0 => {
                for t in [Some(x), y, p].into_iter().flatten() {
                    push(out, |k| single(t, k));
                }
            }
            1 => {
                push(out, |k| sum(x, k));
                push(out, |k| product(x, k));
                if let Some(y) = y {
                    push(out, |k| sum(y, k));
                    push(out, |k| cross(x, y, k));
                    push(out, |k| product(y, k));
                }
                if let Some(p) = p {
                    push(out, |k| sum(p, k));
                    push(out, |k| cross(p, x, k));
                    if let Some(y) = y {
                        push(out, |k| cross(p, y, k));
                    }
                }
            }
            _ => {
                // the elementary symmetric functions of four, from sums s, t and products e, f of two pairs
                let mut pairs = [[0i64; BLOCK]; 4];
                for k in 0..BLOCK {
                    let [x0, x1, x2, x3] = [0, 1, 2, 3].map(|i| x[k][at + i]);
                    (pairs[0][k], pairs[1][k]) = (x0.wrapping_add(x1), x0.wrapping_mul(x1));
                    (pairs[2][k], pairs[3][k]) = (x2.wrapping_add(x3), x2.wrapping_mul(x3));
                }
                let [s, e, t, f] = &pairs;
                push(out, |k| s[k].wrapping_add(t[k]));
                push(out, |k| e[k].wrapping_add(f[k]).wrapping_add(s[k].wrapping_mul(t[k])));
                push(out, |k| e[k].wrapping_mul(t[k]).wrapping_add(f[k].wrapping_mul(s[k])));
                push(out, |k| e[k].wrapping_mul(f[k] & ((1 << CUT) - 1)));
                push(out, |k| e[k].wrapping_mul(f[k] >> CUT));
            }
        }
    }
}

#[inline(always)]
fn push(out: &mut Vec<Column>, value: impl Fn(usize) -> i64) {
    out.push(std::array::from_fn(|k| OFFSET.wrapping_add(value(k) as u64)));
}
