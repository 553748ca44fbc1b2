//! A linear layer of the integer program: Z = 2^gain A W + b, Y = round(Z / 2^shift), for some rows.

use super::matmul::{matmul, matmul_rows};
use super::range::{Checked, Width, first_error, round_shift};
use rayon::prelude::*;

/// Weights, row-major inputs x outputs, a bias for each output, and the layer's scales.
pub struct Layer<'a> {
    pub weights: &'a [i16],
    pub bias: &'a [i64],
    pub gain: u32,
    pub shift: u32,
    pub width: Width,
}

/// Fills `y` and `rem`, rows x outputs, from `a`, rows x inputs; `name` is the output's, for errors.
pub fn linear<T>(layer: &Layer<'_>, a: &[i16], name: &str, y: &mut [T], rem: &mut [i32]) -> Checked<()>
where
    T: Send + TryFrom<i64>,
    T::Error: std::fmt::Debug,
{
    let outputs = layer.bias.len();
    let rows = y.len() / outputs;
    let mut z = vec![0i64; y.len()];
    matmul(a, layer.weights, layer.bias, rows, layer.weights.len() / outputs, outputs, &mut z);
    let results = z
        .par_chunks(outputs)
        .zip(y.par_chunks_mut(outputs))
        .zip(rem.par_chunks_mut(outputs))
        .map(|((z, y), rem)| {
            for (((z, b), y), rem) in z.iter().zip(layer.bias).zip(y).zip(rem) {
                let (value, r) = round_shift(((z - b) << layer.gain) + b, layer.shift);
                let held = layer.width.hold64(value, || name.to_string())?;
                *y = T::try_from(held).expect("the width is at most the array's");
                *rem = r as i32;
            }
            Ok(())
        })
        .collect();
    first_error(results)
}

/// out[t][v] = sum_k a[t][k] w[v][k]: a row's product with every row of the embedding, outputs x inputs.
pub fn scores(a: &[i16], w: &[i16], inputs: usize, out: &mut [i64]) {
    matmul_rows(a, w, a.len() / inputs, inputs, w.len() / inputs, out);
}
