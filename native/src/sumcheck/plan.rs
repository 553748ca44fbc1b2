//! How one round walks over its tables: which axes form the contiguous inner run, which stay outside, and
//! which factors of each term vary along the run.

use super::instance::Instance;
use super::table::Table;
use super::tensor;
use crate::field::Fr;

/// Axes are merged into the inner run until it has this length.
const MIN_RUN: usize = 64;
/// Products of machine integers are formed while they certainly stay below this.
const INT_LIMIT: u128 = 1 << 62;

/// A factor as the round reads it. Positions are in elements of its table.
pub struct Operand<'a> {
    pub table: Table<'a>,
    /// Distance of neighbours along the inner run; `None` when the factor is constant along it.
    pub run_stride: Option<isize>,
    /// Distances along the outer axes (0: constant).
    pub strides: Vec<isize>,
    /// Distance of the current variable's two halves; `None` when the factor lacks its axis.
    pub half: Option<isize>,
    /// Whether a group multiplies it as an integer / as a field element along the run.
    pub as_int: bool,
    pub as_field: bool,
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
        while run < MIN_RUN
            && let Some(&axis) = outer.last()
            && (0..tables.len()).all(|f| {
                let last = inner[inner.len() - 1];
                has(f, axis) == has(f, last) && (!has(f, axis) || strides[f][axis] == strides[f][last] * run as isize)
            })
        {
            outer.pop();
            inner.insert(0, axis);
            run *= size(axis);
        }
        let last = inner[inner.len() - 1];
        let current_in_run = inner[0] == current;
        let beside = if current_in_run { run / half } else { 1 };

        let mut operands: Vec<Operand<'a>> = tables
            .into_iter()
            .enumerate()
            .map(|(f, table)| Operand {
                table,
                run_stride: has(f, last).then(|| strides[f][last]),
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
            term.factors.iter().partition(|&&f| operands[f].run_stride.is_some());
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
