//! Powers of tau of a ceremony: contributions, checks, and the hash of its transcript.

use super::curve::Points;
use super::field::scalar;
use crate::curve::ceremony;
use crate::curve::point::{self, G2_BYTES, Point};
use crate::curve::powers;
use crate::field::Fr;
use crate::hash::blake2b::{self, STATE_BYTES};
use ark_bn254::{G1Affine, G2Affine};
use ark_ff::Field;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rayon::prelude::*;

/// Points of G2 in memory, each on the twist, in the subgroup and not infinity.
#[pyclass(module = "zkllm._native", frozen)]
pub struct G2Points {
    points: Vec<G2Affine>,
}

#[pymethods]
impl G2Points {
    /// Raw bytes, 128 a point. The ValueError's argument is the index of the first that is no point.
    #[staticmethod]
    fn from_raw(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        if !data.len().is_multiple_of(G2_BYTES) {
            return Err(PyValueError::new_err("length is not a multiple of 128"));
        }
        let points = py.detach(|| ceremony::decode_g2(data)).map_err(PyValueError::new_err)?;
        Ok(Self { points })
    }

    fn __len__(&self) -> usize {
        self.points.len()
    }

    /// Wire encoding of point i.
    fn __getitem__<'py>(&self, py: Python<'py>, i: usize) -> PyResult<Bound<'py, PyBytes>> {
        let point = self.points.get(i).ok_or_else(|| PyIndexError::new_err("index out of range"))?;
        Ok(PyBytes::new(py, &point::g2_to_wire(point)))
    }

    fn raw<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes: Vec<u8> = self.points.iter().flat_map(point::g2_to_raw).collect();
        PyBytes::new(py, &bytes)
    }

    /// The encodings of all points as a transcript has them: wire, or compressed to 64 bytes.
    fn encoded<'py>(&self, py: Python<'py>, compressed: bool) -> Bound<'py, PyBytes> {
        let bytes: Vec<u8> = py.detach(|| {
            if compressed {
                self.points.par_iter().flat_map_iter(ceremony::compressed_g2).collect()
            } else {
                self.points.par_iter().flat_map_iter(point::g2_to_wire).collect()
            }
        });
        PyBytes::new(py, &bytes)
    }

    /// scale ratio^i P[i].
    fn multiplied(&self, py: Python<'_>, ratio: &Bound<'_, PyAny>, scale: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (ratio, scale) = (scalar(ratio)?, scalar(scale)?);
        let points =
            py.detach(|| ceremony::multiply_g2(&self.points, &powers::scalars(ratio, scale, 0, self.points.len())));
        Ok(Self { points })
    }

    /// sum_i ratio^i P[i], wire encoding (zeros for infinity).
    fn geometric_sum<'py>(&self, py: Python<'py>, ratio: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let ratio = scalar(ratio)?;
        let sum = py.detach(|| ceremony::msm_g2(&self.points, &powers::scalars(ratio, Fr::ONE, 0, self.points.len())));
        Ok(PyBytes::new(py, &point::g2_to_wire(&sum)))
    }
}

/// scale ratio^i P[i] for points of G1 that were checked.
#[pyfunction]
fn g1_multiplied(
    py: Python<'_>,
    points: &Points,
    ratio: &Bound<'_, PyAny>,
    scale: &Bound<'_, PyAny>,
) -> PyResult<Points> {
    let (ratio, scale) = (scalar(ratio)?, scalar(scale)?);
    let points = points.as_slice();
    Ok(Points::owned(py.detach(|| ceremony::multiply_g1(points, &powers::scalars(ratio, scale, 0, points.len())))))
}

/// The encodings of all points as a transcript has them: wire, or compressed to 32 bytes.
#[pyfunction]
fn g1_encoded<'py>(py: Python<'py>, points: &Points, compressed: bool) -> Bound<'py, PyBytes> {
    let points = points.as_slice();
    let bytes: Vec<u8> = py.detach(|| {
        if compressed {
            points.par_iter().flat_map_iter(ceremony::compressed_g1).collect()
        } else {
            points.par_iter().flat_map_iter(|p| p.to_wire()).collect()
        }
    });
    PyBytes::new(py, &bytes)
}

/// prod e(P, Q) = 1, for points in wire encoding that are checked (ValueError); infinity only in G1.
#[pyfunction]
fn pairing_product_is_one(py: Python<'_>, pairs: Vec<(Vec<u8>, Vec<u8>)>) -> PyResult<bool> {
    py.detach(|| {
        let g1: Option<Vec<G1Affine>> = pairs.iter().map(|(p, _)| Some(Point::from_wire(p)?.to_affine())).collect();
        let g2: Option<Vec<G2Affine>> =
            pairs.iter().map(|(_, q)| if q.len() == G2_BYTES { ceremony::g2_from_wire(q) } else { None }).collect();
        match (g1, g2) {
            (Some(g1), Some(g2)) => Ok(ceremony::pairing_product_is_one(&g1, &g2)),
            _ => Err(PyValueError::new_err("not points of G1 and G2")),
        }
    })
}

/// Raw encoding of one point of G2 in wire encoding, checked.
#[pyfunction]
fn g2_to_raw<'py>(py: Python<'py>, wire: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let point = (wire.len() == G2_BYTES)
        .then(|| ceremony::g2_from_wire(wire))
        .flatten()
        .ok_or_else(|| PyValueError::new_err("not a point of G2"))?;
    Ok(PyBytes::new(py, &point::g2_to_raw(&point)))
}

/// BLAKE2b with 64 bytes of output and a state that can be taken out.
#[pyclass(module = "zkllm._native")]
pub struct Blake2b {
    hasher: blake2b::Blake2b,
}

#[pymethods]
impl Blake2b {
    #[new]
    fn new() -> Self {
        Self { hasher: blake2b::Blake2b::default() }
    }

    /// The hasher whose `state` this was.
    #[staticmethod]
    fn from_state(state: &[u8]) -> PyResult<Self> {
        let hasher = <&[u8; STATE_BYTES]>::try_from(state)
            .ok()
            .and_then(blake2b::Blake2b::from_state)
            .ok_or_else(|| PyValueError::new_err("not a state of BLAKE2b"))?;
        Ok(Self { hasher })
    }

    fn update(&mut self, data: &[u8]) {
        self.hasher.update(data);
    }

    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.hasher.digest())
    }

    fn state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.hasher.state())
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<G2Points>()?;
    m.add_class::<Blake2b>()?;
    m.add_function(wrap_pyfunction!(g1_multiplied, m)?)?;
    m.add_function(wrap_pyfunction!(g1_encoded, m)?)?;
    m.add_function(wrap_pyfunction!(g2_to_raw, m)?)?;
    m.add_function(wrap_pyfunction!(pairing_product_is_one, m)?)
}
