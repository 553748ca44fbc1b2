//! One round polynomial. The inner run is cut into blocks; integers are multiplied as integers.

use super::instance::element;
use super::plan::{Group, Operand, Plan};
use super::table::Table;
use super::{Interrupted, POLL_INTERVAL, Poll, check};
use crate::field::wide;
use crate::field::{self, Fr};
use ark_ff::AdditiveGroup;
use rayon::prelude::*;

/// Elements of a run that are handled together: all buffers of a block stay in the cache.
const BLOCK: usize = 128;

/// h(0), .., h(degree).
pub fn evaluate(plan: &Plan<'_>, poll: Poll<'_>) -> Result<Vec<Fr>, Interrupted> {
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
            .fold(|| Worker::new(plan), |worker, item| worker.item(item / blocks, item % blocks * BLOCK))
            .map(|worker| worker.total)
            .reduce(
                || vec![Fr::ZERO; plan.degree + 1],
                |mut a, b| {
                    wide::add_assign(&mut a, &b);
                    a
                },
            );
        wide::add_assign(&mut total, &part);
    }
    Ok(total)
}

/// An operand's block at the current evaluation point, and its increment to the next point.
#[derive(Default)]
struct Line<T> {
    value: Vec<T>,
    step: Vec<T>,
}

struct Worker<'p, 'a> {
    plan: &'p Plan<'a>,
    /// Position of each operand's first element of the block.
    offsets: Vec<isize>,
    ints: Vec<Line<i64>>,
    fields: Vec<Line<Fr>>,
    /// Values at every evaluation point of the operands that are constant along the run.
    constants: Vec<Vec<Fr>>,
    buffer: Vec<i64>,
    int_product: Vec<i64>,
    field_product: Vec<Fr>,
    /// Sums over the block, for each group and point.
    sums: Vec<Vec<Fr>>,
    total: Vec<Fr>,
}

impl<'p, 'a> Worker<'p, 'a> {
    fn new(plan: &'p Plan<'a>) -> Self {
        fn line<T: Copy + Default>(used: bool, moving: bool) -> Line<T> {
            let n = if used { BLOCK } else { 0 };
            Line { value: vec![T::default(); n], step: vec![T::default(); if moving { n } else { 0 }] }
        }
        let moving = |o: &Operand<'_>| o.half.is_some();
        Self {
            offsets: vec![0; plan.operands.len()],
            ints: plan.operands.iter().map(|o| line(o.as_int, moving(o))).collect(),
            fields: plan.operands.iter().map(|o| line(o.as_field, moving(o))).collect(),
            constants: plan.operands.iter().map(|_| vec![Fr::ZERO; plan.degree + 1]).collect(),
            buffer: vec![0; BLOCK],
            int_product: vec![0; BLOCK],
            field_product: vec![Fr::ZERO; BLOCK],
            sums: plan.groups.iter().map(|_| vec![Fr::ZERO; plan.degree + 1]).collect(),
            total: vec![Fr::ZERO; plan.degree + 1],
            plan,
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
        for i in 0..plan.operands.len() {
            match plan.operands[i].run_stride {
                Some(_) if !plan.operands[i].as_int && !plan.operands[i].as_field => {} // in no term
                Some(stride) => self.load(i, self.offsets[i] + start as isize * stride, stride, len, upper),
                None => self.load_constant(i, upper > 0),
            }
        }
        for x in 0..plan.groups.iter().map(|g| g.points).max().unwrap_or(0) {
            if x > 0 {
                self.advance(len);
            }
            for (g, group) in plan.groups.iter().enumerate().filter(|(_, g)| x < g.points) {
                self.sums[g][x] = self.group_sum(group, start, len);
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

    /// Fills the buffers of an operand that varies along the run.
    fn load(&mut self, i: usize, offset: isize, stride: isize, len: usize, upper: usize) {
        let operand = &self.plan.operands[i];
        match &operand.table {
            Table::Field(t) => {
                let line = &mut self.fields[i];
                let low = &t[offset as usize..offset as usize + len]; // tables of field elements are contiguous
                line.value[..len].copy_from_slice(low);
                if let (Some(half), false) = (operand.half, line.step.is_empty()) {
                    let at = (offset + half) as usize;
                    let high = if upper > 0 { &t[at..at + upper] } else { &[] };
                    for (step, (lo, hi)) in line.step.iter_mut().zip(low.iter().zip(high)) {
                        *step = *hi - lo;
                    }
                    for (step, lo) in line.step[upper..len].iter_mut().zip(&low[upper..]) {
                        *step = -*lo;
                    }
                }
            }
            Table::Ints(t) => {
                let (low, high) = (&mut self.int_product[..len], &mut self.buffer[..len]);
                // SAFETY: the plan's positions are elements of the table.
                unsafe { t.load(offset, stride, low) };
                if let Some(half) = operand.half {
                    high[upper..].fill(0);
                    unsafe { t.load(offset + half, stride, &mut high[..upper]) };
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
                    for (x, &lo) in line.value.iter_mut().zip(&*low) {
                        *x = field::from_i64(lo);
                    }
                    for (step, (lo, hi)) in line.step.iter_mut().zip(line.value.iter().zip(&*high)) {
                        *step = field::from_i64(*hi) - lo;
                    }
                }
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
        for line in self.ints.iter_mut().filter(|l| !l.step.is_empty()) {
            for (x, step) in line.value[..len].iter_mut().zip(&line.step) {
                // operands of groups with fewer points may leave their bound; they are not used any more
                *x = x.wrapping_add(*step);
            }
        }
        for line in self.fields.iter_mut().filter(|l| !l.step.is_empty()) {
            wide::add_assign(&mut line.value[..len], &line.step[..len]);
        }
    }

    /// The sum over the block of [eq] * the product of the group's operands at the current point.
    fn group_sum(&mut self, group: &Group, start: usize, len: usize) -> Fr {
        let eq = self.plan.run_eq.as_ref().map(|eq| &eq[start..start + len]);
        let (ints, lines) = (&self.ints, &self.fields);
        let mut fields = eq.into_iter().chain(group.fields.iter().map(|&f| &lines[f].value[..len])).rev();
        // `last` is multiplied with the product of the others
        let Some(last) = fields.next() else {
            let product = int_product(&mut self.int_product[..len], group, ints);
            return wide::from_i128(product.iter().map(|&v| v as i128).sum());
        };
        let others = &mut self.field_product[..len];
        let mut count = 0;
        for factor in fields {
            if count == 0 {
                others.copy_from_slice(factor);
            } else {
                wide::mul_assign(others, factor);
            }
            count += 1;
        }
        match (group.ints.is_empty(), count) {
            (true, 0) => last.iter().sum(),
            (true, _) => wide::dot(last, others),
            (false, _) => {
                let product = int_product(&mut self.int_product[..len], group, ints);
                if count == 0 {
                    return wide::dot_small(last, product);
                }
                wide::mul_assign(others, last);
                wide::dot_small(others, product)
            }
        }
    }
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
