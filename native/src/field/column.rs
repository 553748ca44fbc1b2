//! Blocks of elements with operators: a formula is written once, for single elements and for every backend's lanes.

use super::Fr;
use super::lanes::{Lanes, MAX_BLOCK};
use ark_ff::Field;
use std::ops::{Add, Mul, Sub};

/// What formulas are written for: an element, or as many as a `Column` has.
pub trait Element: Clone + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    fn times(&self, constant: &Fr) -> Self;

    #[inline]
    fn doubled(&self) -> Self {
        self.clone() + self.clone()
    }

    #[inline]
    fn fifth_power(&self) -> Self {
        let square = self.clone() * self.clone();
        square.clone() * square * self.clone()
    }
}

impl Element for Fr {
    #[inline]
    fn times(&self, constant: &Fr) -> Self {
        *self * constant
    }
}

/// At most `MAX_BLOCK` elements, kept CORRECTION times too large, so that products are as large again.
pub struct Column<L: Lanes> {
    lanes: Vec<L::Lane>,
}

fn correction<L: Lanes>() -> Fr {
    Fr::from(L::CORRECTION)
}

impl<L: Lanes> Column<L> {
    pub fn new(elements: &[Fr]) -> Self {
        assert!(elements.len() <= MAX_BLOCK);
        let mut lanes = vec![L::Lane::default(); elements.len().div_ceil(L::WIDTH)];
        L::load(&mut lanes, elements);
        if L::CORRECTION != 1 {
            L::scale_assign(&mut lanes, &correction::<L>());
        }
        Self { lanes }
    }

    /// out = factor times the elements.
    pub fn write(mut self, factor: &Fr, out: &mut [Fr]) {
        let inverse = correction::<L>().inverse().expect("not zero");
        L::scale_assign(&mut self.lanes, &(*factor * inverse));
        L::store(out, &self.lanes);
    }
}

impl<L: Lanes> Clone for Column<L> {
    fn clone(&self) -> Self {
        Self { lanes: self.lanes.clone() }
    }
}

impl<L: Lanes> Add for Column<L> {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        L::add_assign(&mut self.lanes, &other.lanes);
        self
    }
}

impl<L: Lanes> Sub for Column<L> {
    type Output = Self;
    fn sub(mut self, other: Self) -> Self {
        L::sub_assign(&mut self.lanes, &other.lanes);
        self
    }
}

impl<L: Lanes> Mul for Column<L> {
    type Output = Self;
    fn mul(mut self, other: Self) -> Self {
        L::mul_assign(&mut self.lanes, &other.lanes);
        self
    }
}

impl<L: Lanes> Element for Column<L> {
    fn times(&self, constant: &Fr) -> Self {
        let mut out = self.clone();
        L::scale_assign(&mut out.lanes, constant);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::AdditiveGroup;

    fn formula<T: Element>(x: T, y: T, c: &Fr) -> T {
        (x.fifth_power() * y.clone() - x.times(c)).doubled() * (y - x)
    }

    fn check<L: Lanes>() {
        for n in [0, 1, 7, 8, 19, 256] {
            let xs: Vec<Fr> =
                (0..n).map(|i| Fr::from(i as u64 * 977).inverse().unwrap_or(Fr::ZERO) - Fr::ONE).collect();
            let ys: Vec<Fr> = xs.iter().map(|x| x.fifth_power() + Fr::from(3u64)).collect();
            let (c, factor) = (-Fr::from(5u64), Fr::from(1u128 << 100));
            let mut out = vec![Fr::ONE; n];
            formula(Column::<L>::new(&xs), Column::new(&ys), &c).write(&factor, &mut out);
            let expected = xs.iter().zip(&ys).map(|(x, y)| formula(*x, *y, &c) * factor);
            assert_eq!(out, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn columns_are_their_elements() {
        check::<crate::field::lanes::Scalar>();
        #[cfg(target_arch = "x86_64")]
        if crate::field::ifma::detected() {
            check::<crate::field::ifma::Ifma>();
        }
    }
}
