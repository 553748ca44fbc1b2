//! How often each row of a table is looked up. Twin: `zkllm/naive/sums.py`.

use crate::sumcheck::table::IntView;
use rayon::prelude::*;

/// Entries that are read at once, unless a row of a causal tensor is longer.
const CHUNK: usize = 1 << 13;

/// Lookups of one tensor in one table, whose row i is (i, entries[i]), or i alone.
pub struct Queries<'a> {
    pub inputs: IntView<'a>,
    /// What turns an input into a row's number.
    pub shift: i64,
    /// The positions of the axes t and u where entries with u > t are not looked up.
    pub causal: Option<(usize, usize)>,
    /// The tensor's outputs, and the table's.
    pub outputs: Option<(IntView<'a>, Vec<i64>)>,
}

impl Queries<'_> {
    /// Adds to the rows' counts; false where an entry is not in the table, which is not counted.
    pub fn count(&self, counts: &mut [i64]) -> bool {
        let total = self.inputs.len();
        let row = match self.causal {
            Some(_) => self.inputs.shape().last().copied().unwrap_or(1).max(1),
            None => CHUNK,
        };
        let step = (CHUNK / row).max(1) * row;
        let chunks = total.div_ceil(step);
        // a share has counts of its own, as many as the table has rows
        let shares = (2 * rayon::current_num_threads()).min(total.div_ceil(counts.len().max(CHUNK))).max(1);
        let parts: Vec<(Vec<i64>, bool)> = (0..shares)
            .into_par_iter()
            .map(|share| {
                let mut own = Own { counts: vec![0; counts.len()], complete: true };
                let (mut inputs, mut outputs) = (vec![0; step], vec![0; step]);
                for chunk in share * chunks / shares..(share + 1) * chunks / shares {
                    let start = chunk * step;
                    let len = step.min(total - start);
                    self.inputs.read(start, &mut inputs[..len]);
                    if let Some((view, _)) = &self.outputs {
                        view.read(start, &mut outputs[..len]);
                    }
                    for at in (0..len).step_by(row) {
                        let end = (at + row).min(len);
                        let (from, to) = self.looked_up(start + at, end - at);
                        self.add(&inputs[at + from..at + to], &outputs[at + from..at + to], &mut own);
                    }
                }
                (own.counts, own.complete)
            })
            .collect();
        for (part, _) in &parts {
            counts.par_iter_mut().zip(part).with_min_len(CHUNK).for_each(|(x, y)| *x += y);
        }
        parts.iter().all(|(_, complete)| *complete)
    }

    /// The range of a row along the last axis that is looked up; all of what is no causal tensor's.
    fn looked_up(&self, start: usize, len: usize) -> (usize, usize) {
        let Some((t, u)) = self.causal else { return (0, len) };
        let shape = self.inputs.shape();
        let at = |axis: usize| start / shape[axis + 1..].iter().product::<usize>() % shape[axis];
        let last = shape.len() - 1;
        match (t == last, u == last) {
            (true, _) => (at(u).min(len), len),
            (_, true) => (0, (at(t) + 1).min(len)),
            _ => (0, if at(u) <= at(t) { len } else { 0 }),
        }
    }

    fn add(&self, inputs: &[i64], outputs: &[i64], own: &mut Own) {
        let size = own.counts.len() as u64;
        let row = |input: i64| input.checked_add(self.shift).map(|row| row as u64).filter(|&row| row < size);
        match &self.outputs {
            None => inputs.iter().for_each(|&input| match row(input) {
                Some(row) => own.counts[row as usize] += 1,
                None => own.complete = false,
            }),
            Some((_, entries)) => inputs.iter().zip(outputs).for_each(|(&input, &output)| match row(input) {
                Some(row) if entries[row as usize] == output => own.counts[row as usize] += 1,
                _ => own.complete = false,
            }),
        }
    }
}

struct Own {
    counts: Vec<i64>,
    complete: bool,
}
