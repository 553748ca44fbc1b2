//! One round polynomial. The inner run is cut into blocks; integers are multiplied as integers.

use super::instance::element;
use super::plan::{Group, Operand, Plan};
use super::table::Table;
use super::{Interrupted, POLL_INTERVAL, Poll, check};
use crate::field::lanes::Lanes;
use crate::field::slices::{self, with_lanes};
use crate::field::{Fr, wide};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// Elements of a run that are handled together: all buffers of a block stay in the cache.
const BLOCK: usize = 256;

/// h(0), .., h(degree). With `skip_one`, h(1) is not wanted and the value given for it is meaningless.
pub fn evaluate(plan: &mut Plan<'_>, skip_one: bool, poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
    with_lanes!(L, evaluate_with::<L>(plan, skip_one, poll))
}

fn evaluate_with<L: Lanes>(plan: &mut Plan<'_>, skip_one: bool, poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
    let weighted = plan.run_eq.is_some();
    for group in &mut plan.groups {
        let correction = Fr::from(L::CORRECTION).pow([group.block_products(weighted) as u64]);
        group.terms.iter_mut().for_each(|(coef, _)| *coef *= correction);
    }
    let plan = &*plan;
    let blocks = plan.run.div_ceil(BLOCK);
    let items = plan.outer.iter().product::<usize>() * blocks;
    let products: usize = plan.groups.iter().map(|g| g.points * (g.ints.len() + g.fields.len() + 1)).sum();
    let cost = plan.run.min(BLOCK) * products + 1;
    let mut total = vec![Fr::ZERO; plan.degree + 1];
    let step = (POLL_INTERVAL / cost).max(1);
    for start in (0..items).step_by(step) {
        check(poll)?;
        let part = (start..(start + step).min(items))
            .into_par_iter()
            .with_min_len((1 << 14) / cost + 1)
            .fold(|| Worker::<L>::new(plan, skip_one), |worker, item| worker.item(item / blocks, item % blocks * BLOCK))
            .map(|worker| worker.total)
            .reduce(
                || vec![Fr::ZERO; plan.degree + 1],
                |mut a, b| {
                    slices::add_assign(&mut a, &b);
                    a
                },
            );
        slices::add_assign(&mut total, &part);
    }
    Ok(total)
}

/// An operand's block at the current evaluation point, and its increment to the next point.
#[derive(Default)]
struct Line<T> {
    value: Vec<T>,
    step: Vec<T>,
}

struct Worker<'p, 'a, L: Lanes> {
    plan: &'p Plan<'a>,
    skip_one: bool,
    /// Position of each operand's first element of the run.
    offsets: Vec<isize>,
    ints: Vec<Line<i64>>,
    fields: Vec<Line<L::Lane>>,
    /// Values at every evaluation point of the operands that are constant along the run.
    constants: Vec<Vec<Fr>>,
    /// An operand's elements before they become lanes.
    elements: Vec<Fr>,
    int_elements: [Vec<i64>; 2],
    eq: Vec<L::Lane>,
    int_product: Vec<i64>,
    field_product: Vec<L::Lane>,
    /// Whether an operand is 0 on the block, once it is loaded.
    loaded: Vec<Option<bool>>,
    /// Groups that have no operand of which that is known.
    live: Vec<bool>,
    /// Sums over the block, for each group and point.
    sums: Vec<Vec<Fr>>,
    total: Vec<Fr>,
}

impl<'p, 'a, L: Lanes> Worker<'p, 'a, L> {
    fn new(plan: &'p Plan<'a>, skip_one: bool) -> Self {
        fn line<T: Copy + Default>(used: bool, moving: bool, n: usize) -> Line<T> {
            let zeros = |used| vec![T::default(); if used { n } else { 0 }];
            Line { value: zeros(used), step: zeros(used && moving) }
        }
        let (n, moving) = (plan.run.min(BLOCK), |o: &Operand<'_>| o.half.is_some());
        let lanes = n.div_ceil(L::WIDTH);
        Self {
            offsets: vec![0; plan.operands.len()],
            ints: plan.operands.iter().map(|o| line(o.as_int, moving(o), n)).collect(),
            fields: plan.operands.iter().map(|o| line(o.as_field, moving(o), lanes)).collect(),
            constants: plan.operands.iter().map(|_| vec![Fr::ZERO; plan.degree + 1]).collect(),
            elements: vec![Fr::ZERO; n],
            int_elements: [vec![0; n], vec![0; n]],
            eq: vec![L::Lane::default(); lanes],
            int_product: vec![0; n],
            field_product: vec![L::Lane::default(); lanes],
            loaded: vec![None; plan.operands.len()],
            live: vec![true; plan.groups.len()],
            sums: plan.groups.iter().map(|_| vec![Fr::ZERO; plan.degree + 1]).collect(),
            total: vec![Fr::ZERO; plan.degree + 1],
            plan,
            skip_one,
        }
    }

    /// Adds the block that starts at element `start` of the run at position `outer` of the outer axes.
    fn item(mut self, mut outer: usize, start: usize) -> Self {
        let plan = self.plan;
        let len = (plan.run - start).min(BLOCK);
        let mut weight = None;
        self.offsets.fill(0);
        let mut first = 0;
        for (dim, &size) in plan.outer.iter().enumerate().rev() {
            let at = outer % size;
            outer /= size;
            first = at;
            for (offset, operand) in self.offsets.iter_mut().zip(&plan.operands) {
                *offset += at as isize * operand.strides[dim];
            }
            if let Some(eq) = &plan.outer_eq {
                weight = Some(weight.map_or(eq[dim][at], |w: Fr| w * eq[dim][at]));
            }
        }
        // how many elements of the block have a real upper half
        let upper = match plan.current_in_run {
            true => plan.upper.saturating_sub(start).min(len),
            false => (first < plan.upper) as usize * len,
        };
        self.loaded.fill(None);
        for (g, group) in plan.groups.iter().enumerate() {
            self.live[g] = !self.vanishes(group, start, len, upper);
            if !self.live[g] {
                self.sums[g].fill(Fr::ZERO);
            }
        }
        let groups = plan.groups.iter().zip(&self.live).filter(|(_, live)| **live);
        let Some(points) = groups.map(|(group, _)| group.points).max() else { return self };
        for (i, _) in plan.operands.iter().enumerate().filter(|(_, operand)| !operand.varies_along_run()) {
            self.load_constant(i, upper > 0);
        }
        if let Some(eq) = &plan.run_eq {
            L::load(&mut self.eq, &eq[start..start + len]);
        }
        for x in 0..points {
            if x > 0 {
                self.advance(len);
            }
            for (g, group) in plan.groups.iter().enumerate().filter(|(_, g)| x < g.points) {
                // groups of full degree need their value at 1 for nothing else
                if self.live[g] && !(x == 1 && self.skip_one && group.points > plan.degree) {
                    self.sums[g][x] = self.group_sum(group, len);
                }
            }
        }
        for x in 0..=plan.degree {
            let mut sum = Fr::ZERO;
            for (group, sums) in plan.groups.iter().zip(&mut self.sums) {
                if x == group.points {
                    extrapolate(sums, group.points);
                }
                for (coef, factors) in &group.terms {
                    sum += factors.iter().fold(*coef * sums[x], |product, &f| product * self.constants[f][x]);
                }
            }
            self.total[x] += weight.map_or(sum, |w| w * sum);
        }
        self
    }

    /// Loads a group's operands, until one is found to be 0 on the block: the others need not be read then. Much of
    /// a selector or of a causal mask is 0.
    fn vanishes(&mut self, group: &Group, start: usize, len: usize, upper: usize) -> bool {
        group.ints.iter().chain(&group.fields).any(|&i| match self.loaded[i] {
            Some(zero) => zero,
            None => {
                let zero = self.load(i, start, len, upper);
                self.loaded[i] = Some(zero);
                zero
            }
        })
    }

    /// Fills the buffers of an operand that varies along the run; whether it is 0 on the block.
    fn load(&mut self, i: usize, start: usize, len: usize, upper: usize) -> bool {
        let (operand, offset, lanes) = (&self.plan.operands[i], self.offsets[i], len.div_ceil(L::WIDTH));
        match &operand.table {
            Table::Field(t) => {
                let (line, buffer) = (&mut self.fields[i], &mut self.elements);
                let mut zero = load_field::<L>(operand, t, offset, start, len, buffer, &mut line.value[..lanes]);
                if let Some(half) = operand.half {
                    line.step[upper.div_ceil(L::WIDTH)..lanes].fill(L::Lane::default());
                    zero &= load_field::<L>(operand, t, offset + half, start, upper, buffer, &mut line.step[..lanes]);
                    L::sub_assign(&mut line.step[..lanes], &line.value[..lanes]);
                }
                zero
            }
            Table::Ints(t) => {
                let [low, high] = &mut self.int_elements;
                let (low, high) = (&mut low[..len], &mut high[..len]);
                operand.pieces(offset, start, len, |at, position, stride, count| {
                    // SAFETY: the plan's positions are elements of the table.
                    unsafe { t.load(position, stride, &mut low[at..at + count]) }
                });
                if let Some(half) = operand.half {
                    high[upper..].fill(0);
                    operand.pieces(offset + half, start, upper, |at, position, stride, count| {
                        // SAFETY: the upper half is real for the first `upper` elements.
                        unsafe { t.load(position, stride, &mut high[at..at + count]) }
                    });
                }
                if all_zero(low) && (operand.half.is_none() || all_zero(high)) {
                    return true;
                }
                if operand.as_int {
                    let line = &mut self.ints[i];
                    line.value[..len].copy_from_slice(low);
                    for (step, (lo, hi)) in line.step.iter_mut().zip(low.iter().zip(&*high)) {
                        *step = hi - lo;
                    }
                }
                if operand.as_field {
                    let line = &mut self.fields[i];
                    L::load_small(&mut line.value[..lanes], low);
                    if operand.half.is_some() {
                        L::load_small(&mut line.step[..lanes], high);
                        L::sub_assign(&mut line.step[..lanes], &line.value[..lanes]);
                    }
                }
                false
            }
        }
    }

    /// The values at all evaluation points of an operand that is constant along the run.
    fn load_constant(&mut self, i: usize, upper: bool) {
        let operand = &self.plan.operands[i];
        let low = element(&operand.table, self.offsets[i]);
        let step = match operand.half {
            Some(half) if upper => element(&operand.table, self.offsets[i] + half) - low,
            Some(_) => -low,
            None => Fr::ZERO,
        };
        let mut value = low;
        for x in &mut self.constants[i] {
            *x = value;
            value += step;
        }
    }

    /// Moves every buffer to the next evaluation point.
    fn advance(&mut self, len: usize) {
        let ints = self.ints.iter_mut().zip(&self.loaded).filter(|(l, loaded)| loaded.is_some() && !l.step.is_empty());
        for (line, _) in ints {
            for (x, step) in line.value[..len].iter_mut().zip(&line.step) {
                // operands of groups with fewer points may leave their bound; they are not used any more
                *x = x.wrapping_add(*step);
            }
        }
        let lanes = len.div_ceil(L::WIDTH);
        let fields =
            self.fields.iter_mut().zip(&self.loaded).filter(|(l, loaded)| loaded.is_some() && !l.step.is_empty());
        for (line, _) in fields {
            L::add_assign(&mut line.value[..lanes], &line.step[..lanes]);
        }
    }

    /// The sum over the block of [eq] * the product of the group's operands at the current point, divided by
    /// CORRECTION for each of `Group::block_products`.
    fn group_sum(&mut self, group: &Group, len: usize) -> Fr {
        let lanes = len.div_ceil(L::WIDTH);
        let (ints, lines) = (&self.ints, &self.fields);
        let eq = self.plan.run_eq.is_some().then_some(&self.eq[..lanes]);
        let mut fields = eq.into_iter().chain(group.fields.iter().map(|&f| &lines[f].value[..lanes]));
        // `first` is multiplied with the product of the others
        let Some(first) = fields.next() else {
            if group.ints.is_empty() {
                return Fr::from(len as u64); // a run of one element, along which nothing varies
            }
            let product = int_product(&mut self.int_product[..len], group, ints);
            return wide::from_i128(product.iter().map(|&v| v as i128).sum());
        };
        let others = &mut self.field_product[..lanes];
        let mut count = 0;
        for factor in fields {
            if count == 0 {
                others.copy_from_slice(factor);
            } else {
                L::mul_assign(others, factor);
            }
            count += 1;
        }
        match (group.ints.is_empty(), count) {
            (true, 0) => L::sum(first),
            (true, _) => L::dot(first, others),
            (false, _) => {
                let product = int_product(&mut self.int_product[..len], group, ints);
                if count == 0 {
                    return L::dot_small(first, product);
                }
                L::mul_assign(others, first);
                L::dot_small(others, product)
            }
        }
    }
}

/// Whether all are 0; the first one that is not ends the search.
fn all_zero<T: Default + PartialEq>(values: &[T]) -> bool {
    values.iter().all(|v| *v == T::default())
}

/// Loads elements start .. start + len of the run; whether they are all 0.
fn load_field<L: Lanes>(
    operand: &Operand<'_>,
    table: &[Fr],
    offset: isize,
    start: usize,
    len: usize,
    buffer: &mut [Fr],
    out: &mut [L::Lane],
) -> bool {
    if let [(_, 1)] = operand.run[..] {
        let at = offset as usize + start;
        let elements = if len > 0 { &table[at..at + len] } else { &[] };
        L::load(out, elements);
        return all_zero(elements);
    }
    operand.pieces(offset, start, len, |at, position, stride, count| {
        let buffer = &mut buffer[at..at + count];
        match stride {
            0 => buffer.fill(table[position as usize]),
            1 => buffer.copy_from_slice(&table[position as usize..position as usize + count]),
            _ => (0..count).for_each(|k| buffer[k] = table[(position + k as isize * stride) as usize]),
        }
    });
    L::load(out, &buffer[..len]);
    all_zero(&buffer[..len])
}

/// The product of a group's integer operands, formed in `out` when there is more than one.
fn int_product<'b>(out: &'b mut [i64], group: &Group, ints: &'b [Line<i64>]) -> &'b [i64] {
    let (first, rest) = group.ints.split_first().expect("an integer operand");
    let len = out.len();
    if rest.is_empty() {
        return &ints[*first].value[..len];
    }
    out.copy_from_slice(&ints[*first].value[..len]);
    for f in rest {
        for (x, y) in out.iter_mut().zip(&ints[*f].value) {
            *x *= y;
        }
    }
    out
}

/// Extends values of a polynomial at 0, .., points - 1 to the rest of the slice (Newton's forward differences).
fn extrapolate(values: &mut [Fr], points: usize) {
    let mut differences = values[..points].to_vec();
    for level in 1..points {
        for i in (level..points).rev() {
            let lower = differences[i - 1];
            differences[i] -= lower;
        }
    }
    for (x, value) in values.iter_mut().enumerate() {
        if x >= points {
            *value = differences[0];
        }
        for i in 1..points {
            let higher = differences[i];
            differences[i - 1] += higher;
        }
    }
}
