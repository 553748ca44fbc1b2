//! The sumcheck of sum_g sum_x E_g(x) C_g(x) over dense tables of one size: they are bound, and summed for the next
//! variable, in one pass.

use super::{Interrupted, POLL_INTERVAL, Poll, check};
use crate::field::{Fr, slices};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

/// Places of each half that are bound and summed together: they stay in the cache.
const CHUNK: usize = 256;

pub struct Pairs {
    /// E_g and C_g, 2^bits elements each.
    tables: Vec<[Vec<Fr>; 2]>,
    bits: usize,
    /// What h(0) and h(1) of the coming round must add up to, if known.
    claim: Option<Fr>,
    message: Option<Message>,
}

/// A round polynomial h: h(0), h(1), and the coefficient of its square.
#[derive(Clone, Copy, Default)]
struct Message {
    low: Fr,
    high: Fr,
    leading: Fr,
}

impl Message {
    fn at(&self, c: Fr) -> Fr {
        self.low + c * (self.high - self.low + (c - Fr::ONE) * self.leading)
    }

    fn add(self, other: Self) -> Self {
        let Self { low, high, leading } = other;
        Self { low: self.low + low, high: self.high + high, leading: self.leading + leading }
    }
}

impl Pairs {
    /// `claim`: the sum, if known, which saves work.
    pub fn new(tables: Vec<[Vec<Fr>; 2]>, bits: usize, claim: Option<Fr>) -> Self {
        assert!(tables.iter().flatten().all(|table| table.len() == 1 << bits));
        Self { tables, bits, claim, message: None }
    }

    pub fn remaining(&self) -> usize {
        self.bits
    }

    /// h(0), h(1), h(2).
    pub fn round(&mut self, poll: Poll<'_>) -> Result<[Fr; 3], Interrupted> {
        let message = match self.message {
            Some(message) => message,
            None => {
                check(poll)?;
                let (half, at_one) = (1 << (self.bits - 1), self.claim.is_none());
                let sums = self.tables.par_iter().map(|[e, c]| {
                    let (e, c) = (e.split_at(half), c.split_at(half));
                    (e.0.par_chunks(CHUNK), e.1.par_chunks(CHUNK), c.0.par_chunks(CHUNK), c.1.par_chunks(CHUNK))
                        .into_par_iter()
                        .map(|(e0, e1, c0, c1)| products([e0, e1], [c0, c1], at_one))
                        .reduce(Message::default, Message::add)
                });
                self.completed(sums.reduce(Message::default, Message::add))
            }
        };
        self.message = Some(message);
        let Message { low, high, leading } = message;
        Ok([low, high, high.double() - low + leading.double()])
    }

    /// With h(1) from the claim where that is known.
    fn completed(&self, sums: Message) -> Message {
        Message { high: self.claim.map_or(sums.high, |claim| claim - sums.low), ..sums }
    }

    /// Sets the current variable to c.
    pub fn bind(&mut self, c: Fr, poll: Poll<'_>) -> Result<(), Interrupted> {
        if self.bits == 0 {
            return Ok(());
        }
        check(poll)?;
        self.claim = self.message.take().map(|message| message.at(c));
        self.bits -= 1;
        let (size, at_one) = (1 << self.bits, self.claim.is_none());
        let sums = self.tables.par_iter_mut().map(|pair| {
            let sums = if size > 1 { bind_and_sum(pair, size, &c, at_one) } else { bind_last(pair, &c) };
            for table in pair {
                table.truncate(size);
                if size * size_of::<Fr>() > POLL_INTERVAL {
                    table.shrink_to_fit();
                }
            }
            sums
        });
        let sums = sums.reduce(Message::default, Message::add);
        self.message = (size > 1).then(|| self.completed(sums));
        Ok(())
    }

    /// E_0, C_0, E_1, C_1, .., once every variable is bound.
    pub fn values(&self) -> Vec<Fr> {
        self.tables.iter().flatten().map(|table| table[0]).collect()
    }
}

/// Of the next variable, whose halves are e[0], c[0] and e[1], c[1].
fn products(e: [&[Fr]; 2], c: [&[Fr]; 2], at_one: bool) -> Message {
    let (n, mut steps) = (e[0].len(), [[Fr::ZERO; CHUNK]; 2]);
    for (step, [low, high]) in steps.iter_mut().zip([e, c]) {
        step.iter_mut().zip(high.iter().zip(low)).for_each(|(x, (high, low))| *x = *high - low);
    }
    let high = if at_one { slices::dot(e[1], c[1]) } else { Fr::ZERO };
    Message { low: slices::dot(e[0], c[0]), high, leading: slices::dot(&steps[0][..n], &steps[1][..n]) }
}

/// Binds the tables' first `size` places at c to the others', and sums for the next variable.
fn bind_and_sum([e, c]: &mut [Vec<Fr>; 2], size: usize, at: &Fr, at_one: bool) -> Message {
    let (e, upper_e) = e.split_at_mut(size);
    let (c, upper_c) = c.split_at_mut(size);
    let ((e0, e1), (c0, c1)) = (e.split_at_mut(size / 2), c.split_at_mut(size / 2));
    let ((e2, e3), (c2, c3)) = (upper_e.split_at(size / 2), upper_c.split_at(size / 2));
    let lower =
        (e0.par_chunks_mut(CHUNK), e1.par_chunks_mut(CHUNK), c0.par_chunks_mut(CHUNK), c1.par_chunks_mut(CHUNK));
    let upper = (e2.par_chunks(CHUNK), e3.par_chunks(CHUNK), c2.par_chunks(CHUNK), c3.par_chunks(CHUNK));
    lower
        .into_par_iter()
        .zip(upper.into_par_iter())
        .map(|((e0, e1, c0, c1), (e2, e3, c2, c3))| {
            for (low, high) in [(&mut *e0, e2), (&mut *e1, e3), (&mut *c0, c2), (&mut *c1, c3)] {
                slices::fold(low, high, at);
            }
            products([e0, e1], [c0, c1], at_one)
        })
        .reduce(Message::default, Message::add)
}

/// Binds the last variable.
fn bind_last(pair: &mut [Vec<Fr>; 2], c: &Fr) -> Message {
    for table in pair {
        table[0] = table[0] + *c * (table[1] - table[0]);
    }
    Message::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each message and the values against sums over the tables, with the sum known and unknown.
    #[test]
    fn messages_are_those_of_the_tables() {
        for (bits, known) in [(0, true), (1, false), (1, true), (3, true), (11, false), (11, true)] {
            let element = |seed: u64| Fr::from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).square();
            let table = |seed: u64| (0..1u64 << bits).map(|i| element(i * 64 + seed)).collect::<Vec<Fr>>();
            let mut tables: Vec<[Vec<Fr>; 2]> = (0..3).map(|g| [table(2 * g), table(2 * g + 1)]).collect();
            let value = |tables: &[[Vec<Fr>; 2]], x: Fr| -> Fr {
                let at = |t: &[Fr], i: usize| t[i] + x * (t[t.len() / 2 + i] - t[i]);
                tables.iter().flat_map(|[e, c]| (0..e.len() / 2).map(move |i| at(e, i) * at(c, i))).sum()
            };
            let sum = tables.iter().map(|[e, c]| slices::dot(e, c)).sum();
            let mut pairs = Pairs::new(tables.clone(), bits, known.then_some(sum));
            for round in 0..bits {
                let expected = [0u64, 1, 2].map(|x| value(&tables, Fr::from(x)));
                if round != 1 {
                    // a variable may be bound without its message
                    assert_eq!(pairs.round(&|| false).unwrap(), expected);
                }
                let c = element(1000 + round as u64);
                for table in tables.iter_mut().flatten() {
                    let half = table.len() / 2;
                    *table = (0..half).map(|i| table[i] + c * (table[half + i] - table[i])).collect();
                }
                pairs.bind(c, &|| false).unwrap();
                assert_eq!(pairs.remaining(), bits - round - 1);
            }
            assert_eq!(pairs.values(), tables.concat().concat());
        }
    }
}
