//! Vectors over the hypercube: eq tables, tensor products, inner products, accumulation.

use super::table::Table;
use crate::field::{Fr, slices};
use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

const CHUNK: usize = 1 << 12;
/// Rows of an outer product shorter than this are formed from more than one vector.
const MIN_ROW: usize = 256;

/// eq(coords, x) for all x, the first coordinate being the most significant bit of x.
pub fn eq_table(coords: &[Fr]) -> Vec<Fr> {
    let mut table = Vec::with_capacity(1 << coords.len());
    table.push(Fr::ONE);
    for c in coords.iter().rev() {
        // prepend a bit: the upper half is c times the table, the lower half the rest
        let mut upper = vec![Fr::ZERO; table.len()];
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
        let mut next = vec![Fr::ZERO; out.len() * v.len()];
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
    let mut out = vec![Fr::ZERO; n];
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, out)| {
        for (v, c) in vectors.iter().zip(coefs) {
            slices::add_scaled(out, c, &v[i * CHUNK..i * CHUNK + out.len()]);
        }
    });
    out
}

/// out[i] += coef * (outer product of `vectors`)[i]; `out` has exactly its length.
pub fn accumulate(out: &mut [Fr], coef: Fr, vectors: &[&[Fr]]) {
    assert_eq!(out.len(), vectors.iter().map(|v| v.len()).product::<usize>());
    if out.is_empty() {
        return;
    }
    let (mut split, mut row_len) = (vectors.len(), 1);
    while split > 0 && row_len < MIN_ROW {
        split -= 1;
        row_len *= vectors[split].len();
    }
    let (mut row, mut rows) = (tensor_product(&vectors[split..]), tensor_product(&vectors[..split]));
    let shorter = if row.len() < rows.len() { &mut row } else { &mut rows };
    shorter.iter_mut().for_each(|x| *x *= coef);
    out.par_chunks_mut(row_len).with_min_len(CHUNK.div_ceil(row_len)).zip(&rows).for_each(|(out, x)| {
        if rows.len() == 1 && out.len() > CHUNK {
            out.par_chunks_mut(CHUNK).zip(row.par_chunks(CHUNK)).for_each(|(o, r)| slices::add_scaled(o, x, r));
        } else {
            slices::add_scaled(out, x, &row);
        }
    });
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

    #[test]
    fn accumulate_adds_the_outer_product() {
        for sizes in [vec![1], vec![3, 5], vec![2, 300, 3], vec![], vec![9000], vec![7, 1, 1]] {
            let vectors: Vec<Vec<Fr>> =
                sizes.iter().map(|&n| (0..n).map(|i| Fr::from((i * i + n) as u64)).collect()).collect();
            let refs: Vec<&[Fr]> = vectors.iter().map(|v| v.as_slice()).collect();
            let product = tensor_product(&refs);
            let mut out: Vec<Fr> = (0..product.len()).map(|i| Fr::from(i as u64)).collect();
            accumulate(&mut out, Fr::from(9u64), &refs);
            for (i, (x, y)) in out.iter().zip(&product).enumerate() {
                assert_eq!(*x, Fr::from(i as u64) + Fr::from(9u64) * y);
            }
        }
    }
}
