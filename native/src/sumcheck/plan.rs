//! How one round walks over its tables: which axes form the contiguous inner run, which stay outside, and
//! which factors of each term vary along the run.

use super::instance::Instance;
use super::table::Table;
use super::tensor;
use crate::field::Fr;

/// Axes that lie contiguously in every table are merged into the inner run until it has this length.
const LONG_RUN: usize = 256;
/// Other axes are merged until it has this length: shorter runs cost more than multiplying repeated elements.
const SHORT_RUN: usize = 48;
/// Products of machine integers are formed while they certainly stay below this.
const INT_LIMIT: u128 = 1 << 62;

/// A factor as the round reads it. Positions are in elements of its table.
pub struct Operand<'a> {
    pub table: Table<'a>,
    /// (size, stride) of the dimensions that make up the inner run, as few as possible; stride 0: repeated.
    pub run: Vec<(usize, isize)>,
    /// Distances along the outer axes (0: constant).
    pub strides: Vec<isize>,
    /// Distance of the current variable's two halves; `None` when the factor lacks its axis.
    pub half: Option<isize>,
    /// Whether a group multiplies it as an integer / as a field element along the run.
    pub as_int: bool,
    pub as_field: bool,
}

impl Operand<'_> {
    pub fn varies_along_run(&self) -> bool {
        self.run.iter().any(|d| d.1 != 0)
    }

    /// Calls `f` with (place in the block, position, stride, count) for each piece of elements
    /// start .. start + len of the run that lies evenly; `offset` is the position of the run's first element.
    #[inline]
    pub fn pieces(&self, offset: isize, start: usize, len: usize, mut f: impl FnMut(usize, isize, isize, usize)) {
        let (&(size, stride), outer) = self.run.split_last().expect("a dimension");
        let (mut row, mut column, mut done) = (start / size, start % size, 0);
        while done < len {
            let (mut position, mut rest) = (offset, row);
            for &(n, s) in outer.iter().rev() {
                position += (rest % n) as isize * s;
                rest /= n;
            }
            let count = (size - column).min(len - done);
            f(done, position + column as isize * stride, stride, count);
            (done, row, column) = (done + count, row + 1, 0);
        }
    }
}

/// The terms whose factors along the run are the same, so that their sum over the run is.
pub struct Group {
    pub ints: Vec<usize>,
    pub fields: Vec<usize>,
    /// Evaluation points that fix the sum over the run as a polynomial in the current variable.
    pub points: usize,
    /// Coefficient and the factors that are constant along the run.
    pub terms: Vec<(Fr, Vec<usize>)>,
}

impl Group {
    /// Multiplications of blocks that form one sum, with an eq weight or without.
    pub fn block_products(&self, weighted: bool) -> usize {
        // of a product of k blocks, the last factor is multiplied while summing; so are the integers
        let k = self.fields.len() + weighted as usize;
        k.saturating_sub(if self.ints.is_empty() { 2 } else { 1 })
    }
}

pub struct Plan<'a> {
    pub degree: usize,
    /// Sizes of the outer axes. The current axis comes first unless it is in the run.
    pub outer: Vec<usize>,
    pub run: usize,
    /// Indices of the current axis (in the run: elements of the run) whose upper half is real.
    pub upper: usize,
    pub current_in_run: bool,
    pub operands: Vec<Operand<'a>>,
    pub groups: Vec<Group>,
    pub outer_eq: Option<Vec<&'a [Fr]>>,
    pub run_eq: Option<Vec<Fr>>,
}

impl<'a> Plan<'a> {
    pub fn new(instance: &'a Instance, sources: &[Option<Table<'a>>]) -> Self {
        let current = instance.current_axis().expect("an unbound variable");
        let half = instance.half(current);
        let size = |axis: usize| if axis == current { half } else { instance.sizes[axis] };
        let mut outer: Vec<usize> = vec![current];
        outer.extend((current + 1..instance.sizes.len()).filter(|&a| instance.sizes[a] > 1));

        let tables: Vec<Table<'a>> = (0..instance.factors.len()).map(|f| instance.table(f, sources)).collect();
        let strides: Vec<Vec<isize>> =
            tables.iter().zip(&instance.factors).map(|(t, axes)| axis_strides(instance, t, axes)).collect();
        let has = |f: usize, axis: usize| instance.factors[f].contains(&axis);

        let mut inner = vec![outer.pop().expect("the current axis")];
        let mut run = size(inner[0]);
        while let Some(&axis) = outer.last() {
            let contiguous = |s: &Vec<isize>| s[axis] == s[inner[0]] * size(inner[0]) as isize;
            if run >= LONG_RUN || run >= SHORT_RUN && !strides.iter().all(contiguous) {
                break;
            }
            outer.pop();
            inner.insert(0, axis);
            run *= size(axis);
        }
        let current_in_run = inner[0] == current;
        let beside = if current_in_run { run / half } else { 1 };

        let mut operands: Vec<Operand<'a>> = tables
            .into_iter()
            .enumerate()
            .map(|(f, table)| Operand {
                table,
                run: collapse(inner.iter().map(|&a| (size(a), strides[f][a]))),
                strides: outer.iter().map(|&a| strides[f][a]).collect(),
                half: has(f, current).then(|| strides[f][current] * half as isize),
                as_int: false,
                as_field: false,
            })
            .collect();
        let groups = group_terms(instance, &mut operands);
        let table = |axis: usize| -> Option<&'a [Fr]> { instance.eq.as_ref().map(|eq| &eq[axis][..size(axis)]) };
        let run_eq = inner.iter().map(|&a| table(a)).collect::<Option<Vec<_>>>();
        Self {
            degree: instance.degree(),
            upper: (instance.sizes[current] - half) * beside,
            current_in_run,
            run,
            operands,
            groups,
            outer_eq: outer.iter().map(|&a| table(a)).collect(),
            run_eq: run_eq.map(|tables| tensor::tensor_product(&tables)),
            outer: outer.iter().map(|&a| size(a)).collect(),
        }
    }
}

/// Joins dimensions that lie contiguously, or along which the table is constant.
fn collapse(dims: impl Iterator<Item = (usize, isize)>) -> Vec<(usize, isize)> {
    let mut out: Vec<(usize, isize)> = vec![];
    for (size, stride) in dims.filter(|d| d.0 > 1) {
        match out.last_mut() {
            Some(last) if last.1 == stride * size as isize => *last = (last.0 * size, stride),
            _ => out.push((size, stride)),
        }
    }
    if out.is_empty() { vec![(1, 0)] } else { out }
}

/// The distance of a table's neighbours along every axis (0: the table lacks it).
fn axis_strides(instance: &Instance, table: &Table<'_>, axes: &[usize]) -> Vec<isize> {
    let mut out = vec![0; instance.sizes.len()];
    match table {
        Table::Ints(t) if t.shape().len() == axes.len() => {
            for (&axis, &stride) in axes.iter().zip(t.strides()) {
                out[axis] = stride;
            }
        }
        _ => {
            let mut stride = 1;
            for &axis in axes.iter().rev() {
                out[axis] = stride as isize;
                stride *= instance.sizes[axis];
            }
        }
    }
    out
}

fn group_terms(instance: &Instance, operands: &mut [Operand<'_>]) -> Vec<Group> {
    let mut keys: Vec<Vec<usize>> = vec![];
    let mut groups: Vec<Group> = vec![];
    for term in &instance.terms {
        let (mut inner, outer): (Vec<usize>, Vec<usize>) =
            term.factors.iter().partition(|&&f| operands[f].varies_along_run());
        inner.sort_unstable();
        let at = keys.iter().position(|k| *k == inner).unwrap_or_else(|| {
            groups.push(new_group(instance, operands, &inner));
            keys.push(inner);
            keys.len() - 1
        });
        groups[at].terms.push((term.coef, outer));
    }
    groups
}

fn new_group(instance: &Instance, operands: &mut [Operand<'_>], inner: &[usize]) -> Group {
    let degree = inner.iter().filter(|&&f| operands[f].half.is_some()).count();
    let (mut ints, mut fields, mut bound): (Vec<usize>, Vec<usize>, u128) = (vec![], vec![], 1);
    let mut by_bound = inner.to_vec();
    by_bound.sort_by_key(|&f| instance.max_abs[f]);
    for f in by_bound {
        let operand = &mut operands[f];
        // |t0 + X (t1 - t0)| <= (2X - 1) max for X >= 1, and the difference itself is at most 2 max
        let growth = if operand.half.is_some() { (2 * degree).max(2) as u128 } else { 1 };
        let next = bound.saturating_mul(growth * (instance.max_abs[f] as u128).max(1));
        if matches!(operand.table, Table::Ints(_)) && next < INT_LIMIT {
            bound = next;
            ints.push(f);
            operand.as_int = true;
        } else {
            fields.push(f);
            operand.as_field = true;
        }
    }
    Group { ints, fields, points: degree + 1, terms: vec![] }
}
