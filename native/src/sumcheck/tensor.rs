//! Vectors over the hypercube: eq tables, tensor products, inner products.

use super::table::Table;
use crate::field::{self, Fr, slices};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

const CHUNK: usize = 1 << 12;

/// eq(coords, x) for all x, the first coordinate being the most significant bit of x.
pub fn eq_table(coords: &[Fr]) -> Vec<Fr> {
    let mut table = Vec::with_capacity(1 << coords.len());
    table.push(Fr::ONE);
    for c in coords.iter().rev() {
        // prepend a bit: the upper half is c times the table, the lower half the rest
        let mut upper = field::zeros(table.len());
        table.par_chunks_mut(CHUNK).zip(upper.par_chunks_mut(CHUNK)).for_each(|(low, up)| slices::split(low, up, c));
        table.append(&mut upper);
    }
    table
}

/// The outer product of vectors, row-major.
pub fn tensor_product(vectors: &[&[Fr]]) -> Vec<Fr> {
    let Some((first, rest)) = vectors.split_first() else {
        return vec![Fr::ONE];
    };
    let mut out = first.to_vec();
    for v in rest {
        let mut next = field::zeros(out.len() * v.len());
        if !v.is_empty() {
            next.par_chunks_mut(v.len()).with_min_len(CHUNK.div_ceil(v.len())).zip(&out).for_each(|(row, x)| {
                slices::scale(row, x, v);
            });
        }
        out = next;
    }
    out
}

/// The sum of products of a table (row-major) and a vector of the same length.
pub fn inner(table: &Table<'_>, weights: &[Fr]) -> Fr {
    assert_eq!(table.len(), weights.len());
    weights
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(i, w)| match table {
            Table::Field(t) => slices::dot(&t[i * CHUNK..i * CHUNK + w.len()], w),
            Table::Ints(t) => {
                let mut buffer = [0i64; CHUNK];
                t.read(i * CHUNK, &mut buffer[..w.len()]);
                slices::dot_small(w, &buffer[..w.len()])
            }
        })
        .reduce(|| Fr::ZERO, |a, b| a + b)
}

/// sum_i coefs[i] vectors[i], all of the same length.
pub fn linear_combination(vectors: &[&[Fr]], coefs: &[Fr]) -> Vec<Fr> {
    assert_eq!(vectors.len(), coefs.len());
    let n = vectors.first().map_or(0, |v| v.len());
    assert!(vectors.iter().all(|v| v.len() == n));
    let mut out = field::zeros(n);
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        for (v, c) in vectors.iter().zip(coefs) {
            slices::add_scaled(out, c, &v[i * CHUNK..i * CHUNK + out.len()]);
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eq_table_is_msb_first() {
        let coords: Vec<Fr> = [3u64, 5, 7].map(Fr::from).to_vec();
        let table = eq_table(&coords);
        for (x, value) in table.iter().enumerate() {
            let mut expected = Fr::ONE;
            for (i, c) in coords.iter().enumerate() {
                expected *= if x >> (2 - i) & 1 == 1 { *c } else { Fr::ONE - c };
            }
            assert_eq!(*value, expected);
        }
    }
}
