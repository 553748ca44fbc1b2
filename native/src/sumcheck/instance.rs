//! The sumcheck prover of sum_k coef_k prod_i factor_i over the hypercube of several axes.
//! Naive twin: `zkllm.naive.sums`.

use super::plan::Plan;
use super::table::{IntView, Table};
use super::{Interrupted, POLL_INTERVAL, Poll, bits, check, later, round, tensor};
use crate::field::{self, Fr, slices};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

const CHUNK: usize = 1 << 12;

/// coef * the product of the factors (indices; repetitions are powers).
#[derive(Clone, Debug)]
pub struct Term {
    pub coef: Fr,
    pub factors: Vec<usize>,
}

/// The state between rounds. Tables that no challenge has touched are not held here: every call takes
/// `sources`, one for each factor, which must be the same tables each time (`None` once `is_folded`).
pub struct Instance {
    /// Sizes of the axes, as far as they are bound.
    pub(super) sizes: Vec<usize>,
    /// Unbound variables of each axis.
    bits: Vec<usize>,
    /// The axes of each factor.
    pub(super) factors: Vec<Vec<usize>>,
    pub(super) terms: Vec<Term>,
    /// eq(tau, .) of each axis over its unbound variables but the current one (padded size).
    pub(super) eq: Option<Vec<Vec<Fr>>>,
    /// tau of the unbound variables of each axis.
    tau: Option<Vec<Vec<Fr>>>,
    pub(super) folded: Vec<Option<Vec<Fr>>>,
    /// Factors whose first axis is not folded before all of it is bound.
    pub(super) waits: Vec<bool>,
    /// Elements that are folded at a time of what waits: `later::SLAB` but in tests.
    pub(super) slab: usize,
    /// The challenges of the first axis so far.
    pub(super) first: Vec<Fr>,
    /// The last round polynomial's values, until its variable is bound.
    last: Option<Vec<Fr>>,
    /// What h(0) and h(1) of the coming round must add up to (weighted by eq with tau), once known.
    claim: Option<Fr>,
    /// Bounds on the integer tables.
    pub(super) max_abs: Vec<u64>,
}

impl Instance {
    /// `large`: integers from which on a table waits, `later::LARGE` but in tests.
    pub fn new(
        sizes: Vec<usize>,
        factors: Vec<Vec<usize>>,
        terms: Vec<Term>,
        tau: Option<Vec<Vec<Fr>>>,
        sources: &[Option<Table<'_>>],
        large: usize,
    ) -> Result<Self, String> {
        if sizes.contains(&0) {
            return Err("an axis has size 0".into());
        }
        for (i, axes) in factors.iter().enumerate() {
            if axes.iter().any(|&a| a >= sizes.len()) || axes.windows(2).any(|w| w[0] >= w[1]) {
                return Err(format!("the axes of factor {i} are not strictly increasing axis numbers"));
            }
            let expected: usize = axes.iter().map(|&a| sizes[a]).product();
            let got = sources[i].as_ref().map_or(0, Table::len);
            if got != expected {
                return Err(format!("factor {i} has {got} elements, its axes have {expected}"));
            }
        }
        for (k, term) in terms.iter().enumerate() {
            if term.factors.iter().any(|&f| f >= factors.len()) {
                return Err(format!("term {k} has a factor that does not exist"));
            }
            let mentioned = |a: &usize| term.factors.iter().any(|&f| factors[f].contains(a));
            if let Some(axis) = (0..sizes.len()).find(|a| !mentioned(a)) {
                return Err(format!("term {k} does not mention axis {axis}, so it does not vanish off its real size"));
            }
        }
        let bits: Vec<usize> = sizes.iter().map(|&n| bits(n)).collect();
        if let Some(tau) = &tau
            && (tau.len() != bits.len() || tau.iter().zip(&bits).any(|(t, &b)| t.len() != b))
        {
            return Err("tau must have one coordinate for each bit of each axis".into());
        }
        let max_abs: Vec<u64> =
            sources.iter().map(|t| if let Some(Table::Ints(t)) = t { t.max_abs() } else { 0 }).collect();
        let eq = tau.as_ref().map(|tau| tau.iter().map(|t| tensor::eq_table(t)).collect());
        let folded = vec![None; factors.len()];
        let waits = later::waiting(&sizes, &bits, &factors, &max_abs, sources, large);
        let (first, last, claim) = (vec![], None, None);
        let slab = later::SLAB;
        let mut instance =
            Self { sizes, bits, factors, terms, eq, tau, folded, waits, slab, first, last, claim, max_abs };
        instance.drop_current_from_eq();
        Ok(instance)
    }

    /// Unbound variables.
    pub fn remaining(&self) -> usize {
        self.bits.iter().sum()
    }

    /// The axis of the current variable.
    pub fn current_axis(&self) -> Option<usize> {
        self.bits.iter().position(|&b| b > 0)
    }

    /// Half of the current axis' padded size: the distance of the two halves that its variable joins.
    pub(super) fn half(&self, axis: usize) -> usize {
        1 << (self.bits[axis] - 1)
    }

    /// Degree of the round polynomial in the current variable (at least 1).
    pub fn degree(&self) -> usize {
        let moving = |axis, t: &Term| t.factors.iter().filter(|&&f| self.factors[f].contains(&axis)).count();
        self.current_axis().map_or(0, |a| self.terms.iter().map(|t| moving(a, t)).max().unwrap_or(0).max(1))
    }

    /// Whether a challenge has touched a factor: its source is not read any more.
    pub fn is_folded(&self, factor: usize) -> bool {
        self.folded[factor].is_some()
    }

    /// The same relation over `sizes`, of which nothing more is bound than of this one.
    pub(super) fn part(&self, sizes: Vec<usize>, eq: Option<Vec<Vec<Fr>>>, folded: Vec<Option<Vec<Fr>>>) -> Self {
        Self {
            sizes,
            bits: self.bits.clone(),
            factors: self.factors.clone(),
            terms: self.terms.clone(),
            eq,
            tau: None,
            waits: vec![false; folded.len()],
            slab: self.slab,
            folded,
            first: vec![],
            last: None,
            claim: None,
            max_abs: self.max_abs.clone(),
        }
    }

    pub(super) fn table<'a>(&'a self, factor: usize, sources: &[Option<Table<'a>>]) -> Table<'a> {
        match &self.folded[factor] {
            Some(t) => Table::Field(t),
            None => sources[factor].clone().expect("the source of a factor that is not folded"),
        }
    }

    /// The round polynomial at 0, 1, .., degree.
    pub fn round(&mut self, sources: &[Option<Table<'_>>], poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
        // with a claim, h(1) follows from h(0): (1 - tau) h(0) + tau h(1), or their sum, is the claim
        let current = self.current_axis().expect("an unbound variable");
        let tau = self.tau.as_ref().map(|tau| tau[current][tau[current].len() - self.bits[current]]);
        let known = self.claim.and_then(|claim| match tau {
            None => Some((claim, Fr::ONE, Fr::ONE)),
            Some(t) => t.inverse().map(|inverse| (claim, Fr::ONE - t, inverse)),
        });
        let mut values = if !self.first.is_empty() && self.waits.contains(&true) {
            self.evaluate_slabs(sources, known.is_some(), poll)?
        } else {
            round::evaluate(&mut Plan::new(self, sources), known.is_some(), poll)?
        };
        if let Some((claim, weight, inverse)) = known {
            values[1] = (claim - weight * values[0]) * inverse;
        }
        self.last = Some(values.clone());
        Ok(values)
    }

    /// Sets the current variable to c.
    pub fn bind(&mut self, c: Fr, sources: &[Option<Table<'_>>], poll: Poll<'_>) -> Result<(), Interrupted> {
        let Some(axis) = self.current_axis() else { return Ok(()) };
        check(poll)?;
        let half = self.half(axis);
        let mut just_folded = self.waits.clone();
        if axis == 0 {
            self.first.push(c);
            if self.bits[0] == 1
                && let Err(stopped) = self.fold_waiting(sources, poll)
            {
                self.first.pop();
                return Err(stopped);
            }
        }
        for (f, axes) in self.factors.iter().enumerate() {
            // what waited and is folded now has nothing of the axis any more
            if !axes.contains(&axis) || self.waits[f] || axis == 0 && std::mem::take(&mut just_folded[f]) {
                continue;
            }
            let rest: usize = axes.iter().filter(|&&a| a > axis).map(|&a| self.sizes[a]).product();
            let distance = half * rest;
            match &mut self.folded[f] {
                Some(t) => fold_in_place(t, distance, &c),
                slot => {
                    *slot = Some(match sources[f].as_ref().expect("the source of a factor that is not folded") {
                        Table::Field(t) => fold_field(t, distance, &c),
                        Table::Ints(t) => fold_ints(t, distance, c),
                    })
                }
            }
        }
        self.claim = self.last.take().map(|values| interpolate(values, c));
        self.sizes[axis] = half;
        self.bits[axis] -= 1;
        self.drop_current_from_eq();
        Ok(())
    }

    /// The factors' values, once every variable is bound.
    pub fn values(&self, sources: &[Option<Table<'_>>]) -> Vec<Fr> {
        (0..self.factors.len())
            .map(|f| {
                let mut value = [Fr::ZERO];
                self.table(f, sources).write_to(&mut value);
                value[0]
            })
            .collect()
    }

    /// Sums the current variable out of its axis' eq table.
    fn drop_current_from_eq(&mut self) {
        let Some(axis) = self.current_axis() else { return };
        let half = self.half(axis);
        if let Some(eq) = &mut self.eq {
            let (low, high) = eq[axis].split_at_mut(half);
            low.par_iter_mut().zip(high).with_min_len(CHUNK).for_each(|(x, y)| *x += *y);
            eq[axis].truncate(half);
        }
    }
}

/// The value at c of the polynomial with the given values at 0, 1, .. (Newton's forward differences).
fn interpolate(mut values: Vec<Fr>, c: Fr) -> Fr {
    let (mut result, mut binomial) = (Fr::ZERO, Fr::ONE);
    for i in 0..values.len() {
        // values[i] is the i-th difference at 0, binomial is c over i
        result += values[i] * binomial;
        for k in (i + 1..values.len()).rev() {
            let lower = values[k - 1];
            values[k] -= lower;
        }
        let next = Fr::from(i as u64 + 1);
        binomial *= (c - Fr::from(i as u64)) * next.inverse().expect("not 0");
    }
    result
}

/// t[i] += c (t[i + distance] - t[i]) for i < distance, where t is 0 beyond its length.
fn fold_in_place(t: &mut Vec<Fr>, distance: usize, c: &Fr) {
    let (low, high) = t.split_at_mut(distance);
    low.par_chunks_mut(CHUNK).enumerate().for_each(|(i, low)| {
        let start = (i * CHUNK).min(high.len());
        slices::fold(low, &high[start..(start + low.len()).min(high.len())], c);
    });
    t.truncate(distance);
    if distance * size_of::<Fr>() > POLL_INTERVAL {
        t.shrink_to_fit();
    }
}

fn fold_field(t: &[Fr], distance: usize, c: &Fr) -> Vec<Fr> {
    let (low, high) = t.split_at(distance);
    let mut out = field::zeros(distance);
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        out.copy_from_slice(&low[i * CHUNK..i * CHUNK + out.len()]);
        let start = (i * CHUNK).min(high.len());
        slices::fold(out, &high[start..(start + out.len()).min(high.len())], c);
    });
    out
}

fn fold_ints(t: &IntView<'_>, distance: usize, c: Fr) -> Vec<Fr> {
    let (rest, len) = (Fr::ONE - c, t.len());
    let mut out = field::zeros(distance);
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        let (mut low, mut high) = ([0i64; CHUNK], [0i64; CHUNK]);
        let start = i * CHUNK;
        t.read(start, &mut low[..out.len()]);
        let above = len.saturating_sub(start + distance).min(out.len());
        if above > 0 {
            t.read(start + distance, &mut high[..above]);
        }
        let n = out.len();
        slices::small_form(out, &Fr::ZERO, [&rest, &c], &low[..n], &high[..n]);
    });
    out
}

/// One element of a table of integers or field elements.
pub(super) fn element(table: &Table<'_>, offset: isize) -> Fr {
    match table {
        Table::Field(t) => t[offset as usize],
        Table::Ints(t) => {
            let mut value = [0];
            // SAFETY: plans only form offsets of elements.
            unsafe { t.load(offset, 1, &mut value) };
            field::from_i64(value[0])
        }
    }
}
