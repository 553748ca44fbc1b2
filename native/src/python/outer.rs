//! The outer proof: Poseidon2, polynomials, Mercury's folds, the circuit.

use super::field::{FrVec, scalar, scalars, to_int, to_ints};
use crate::field::Fr;
use crate::hash::poseidon2;
use crate::plonk::circuit::{Circuit, NUM_SELECTORS, NUM_WIRES};
use crate::plonk::quotient::{self, Challenges};
use crate::plonk::{mercury, ntt, poly};
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

type Handles<'py> = Vec<PyRef<'py, FrVec>>;

fn slices<'a>(handles: &'a [PyRef<'_, FrVec>]) -> Vec<&'a [Fr]> {
    handles.iter().map(|h| h.data.as_slice()).collect()
}

fn wrap(data: Vec<Fr>) -> FrVec {
    FrVec { data }
}

/// The Poseidon2 permutation of four elements.
#[pyfunction]
fn poseidon2_permute<'py>(py: Python<'py>, state: &Bound<'_, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let state: [Fr; 4] =
        scalars(state)?.try_into().map_err(|_| PyValueError::new_err("the state has four elements"))?;
    to_ints(py, &poseidon2::permute(&state))
}

/// Evaluations on the subgroup of order n of a polynomial of at most n coefficients, or (inverse) back.
#[pyfunction]
fn poly_ntt(py: Python<'_>, values: &FrVec, n: usize, inverse: bool) -> PyResult<FrVec> {
    if !n.is_power_of_two() || values.data.len() > n || (inverse && values.data.len() != n) || n > 1 << 28 {
        return Err(PyValueError::new_err("a transform needs n, a power of two, values"));
    }
    Ok(wrap(py.detach(|| {
        let domain = ntt::domain(n);
        if inverse { ntt::inverse(&domain, &values.data) } else { ntt::forward(&domain, &values.data) }
    })))
}

/// sum X^j p_j(X^t).
#[pyfunction]
fn poly_pack(py: Python<'_>, polys: Handles<'_>) -> FrVec {
    let polys = slices(&polys);
    wrap(py.detach(|| poly::pack(&polys)))
}

#[pyfunction]
fn poly_evaluate<'py>(py: Python<'py>, f: &FrVec, x: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let x = scalar(x)?;
    to_int(py, &py.detach(|| poly::evaluate(&f.data, x)))
}

/// sum c_i f_i, as long as the longest.
#[pyfunction]
fn poly_combine(py: Python<'_>, polys: Handles<'_>, coefficients: &Bound<'_, PyAny>) -> PyResult<FrVec> {
    let coefficients = scalars(coefficients)?;
    if polys.len() != coefficients.len() {
        return Err(PyValueError::new_err("one coefficient for each polynomial"));
    }
    let polys = slices(&polys);
    Ok(wrap(py.detach(|| poly::combine(&polys, &coefficients))))
}

/// Quotient and remainder by lead X^degree - constant.
#[pyfunction]
fn poly_divide(
    py: Python<'_>,
    f: &FrVec,
    degree: usize,
    lead: &Bound<'_, PyAny>,
    constant: &Bound<'_, PyAny>,
) -> PyResult<(FrVec, FrVec)> {
    let (lead, constant) = (scalar(lead)?, scalar(constant)?);
    if degree == 0 || lead == Fr::from(0u64) {
        return Err(PyValueError::new_err("the divisor is constant"));
    }
    let (quotient, remainder) = py.detach(|| poly::divide(&f.data, degree, lead, constant));
    Ok((wrap(quotient), wrap(remainder)))
}

/// Replaces f by its quotient by X^degree - constant; returns the remainder.
#[pyfunction]
fn poly_divide_in_place(
    py: Python<'_>,
    f: &Bound<'_, FrVec>,
    degree: usize,
    constant: &Bound<'_, PyAny>,
) -> PyResult<FrVec> {
    let (mut f, constant) = (f.try_borrow_mut()?, scalar(constant)?);
    if degree == 0 {
        return Err(PyValueError::new_err("the divisor is constant"));
    }
    let data = &mut f.data;
    Ok(wrap(py.detach(|| poly::divide_monic(data, degree, constant))))
}

/// The coefficients in reverse order.
#[pyfunction]
fn poly_reverse(f: &FrVec) -> FrVec {
    wrap(f.data.iter().rev().copied().collect())
}

/// h[row] = sum_col weights[col] f[row b + col].
#[pyfunction]
fn mercury_fold(py: Python<'_>, f: &FrVec, weights: &FrVec) -> PyResult<FrVec> {
    if weights.data.is_empty() || !f.data.len().is_multiple_of(weights.data.len()) {
        return Err(PyValueError::new_err("the rows are not of one length"));
    }
    Ok(wrap(py.detach(|| mercury::fold_columns(&f.data, &weights.data))))
}

/// S with g(X) p(1/X) + g(1/X) p(X) = constant + X S(X) + S(1/X)/X.
#[pyfunction]
fn mercury_symmetric(py: Python<'_>, g: &FrVec, p: &FrVec) -> PyResult<FrVec> {
    if g.data.is_empty() || g.data.len() != p.data.len() {
        return Err(PyValueError::new_err("polynomials of one length"));
    }
    Ok(wrap(py.detach(|| mercury::symmetric_part(&g.data, &p.data))))
}

/// A compiled circuit with its preprocessed polynomials.
#[pyclass(module = "zkllm._native", frozen)]
pub struct CircuitKernel {
    circuit: Circuit,
}

#[pymethods]
impl CircuitKernel {
    /// own_wires, wires, permutation: 4 n entries, column after column; selectors: 9 columns of n values.
    #[new]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        num_rows: usize,
        num_variables: usize,
        inputs: PyReadonlyArray1<'_, u32>,
        own_wires: PyReadonlyArray1<'_, u32>,
        wires: PyReadonlyArray1<'_, u32>,
        permutation: PyReadonlyArray1<'_, u32>,
        defines: PyReadonlyArray1<'_, u8>,
        selectors: Handles<'_>,
        shifts: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let n = defines.as_slice()?.len();
        let (own_wires, wires) = (own_wires.as_slice()?.to_vec(), wires.as_slice()?.to_vec());
        let permutation = permutation.as_slice()?.to_vec();
        let inputs = inputs.as_slice()?.to_vec();
        let flagged_last = [6, 7, 8].iter().any(|&k| selectors[k].data.last() != Some(&Fr::from(0u64)));
        let lengths = [own_wires.len(), wires.len(), permutation.len()] == [NUM_WIRES * n; 3]
            && selectors.len() == NUM_SELECTORS
            && selectors.iter().all(|s| s.data.len() == n);
        let variables = own_wires.iter().chain(&wires).chain(&inputs).all(|&v| (v as usize) < num_variables);
        let positions = permutation.iter().all(|&p| (p as usize) < NUM_WIRES * n);
        if !(n.is_power_of_two() && lengths && variables && positions && num_rows < n) || flagged_last {
            return Err(PyValueError::new_err("the circuit's columns do not fit together"));
        }
        let shifts: [Fr; NUM_WIRES] = scalars(shifts)?.try_into().map_err(|_| PyValueError::new_err("four shifts"))?;
        let mut circuit = Circuit {
            domain: ntt::domain(n),
            num_rows,
            num_variables,
            inputs,
            own_wires,
            wires,
            defines: defines.as_slice()?.to_vec(),
            selectors: selectors.iter().map(|s| s.data.clone()).collect(),
            sigma: Vec::new(),
            preprocessed: Vec::new(),
            shifts,
            points: Vec::new(),
        };
        py.detach(|| circuit.preprocess(&permutation));
        Ok(Self { circuit })
    }

    /// The coefficients of q1..q4, qM, qC, qE, qI, qL, sigma1..sigma4.
    fn preprocessed(&self) -> Vec<FrVec> {
        self.circuit.preprocessed.iter().cloned().map(wrap).collect()
    }

    /// The value of every variable.
    fn solve(&self, py: Python<'_>, public: &Bound<'_, PyAny>, inputs: &Bound<'_, PyAny>) -> PyResult<FrVec> {
        let (public, inputs) = (scalars(public)?, scalars(inputs)?);
        if inputs.len() != self.circuit.inputs.len() || public.len() > self.circuit.size() {
            return Err(PyValueError::new_err("a value for each public and each other input"));
        }
        Ok(wrap(py.detach(|| self.circuit.solve(&public, &inputs))))
    }

    /// The four wire columns, evaluations on H.
    fn columns(&self, py: Python<'_>, values: &FrVec) -> PyResult<Vec<FrVec>> {
        if values.data.len() != self.circuit.num_variables {
            return Err(PyValueError::new_err("a value for each variable"));
        }
        Ok(py.detach(|| self.circuit.columns(&values.data)).into_iter().map(wrap).collect())
    }

    /// z on H.
    fn grand_product(
        &self,
        py: Python<'_>,
        columns: Handles<'_>,
        beta: &Bound<'_, PyAny>,
        gamma: &Bound<'_, PyAny>,
    ) -> PyResult<FrVec> {
        let (beta, gamma) = (scalar(beta)?, scalar(gamma)?);
        self.check_columns(&columns)?;
        let columns: Vec<Vec<Fr>> = columns.iter().map(|c| c.data.clone()).collect();
        Ok(wrap(py.detach(|| self.circuit.grand_product(&columns, beta, gamma))))
    }

    /// (Tp, Tg) from the coefficients of the wires and of z, and the public inputs.
    #[allow(clippy::too_many_arguments)]
    fn quotients(
        &self,
        py: Python<'_>,
        wires: Handles<'_>,
        z: &FrVec,
        public: &Bound<'_, PyAny>,
        beta: &Bound<'_, PyAny>,
        gamma: &Bound<'_, PyAny>,
        alpha: &Bound<'_, PyAny>,
    ) -> PyResult<(FrVec, FrVec)> {
        self.check_columns(&wires)?;
        let public = scalars(public)?;
        let challenges = Challenges { beta: scalar(beta)?, gamma: scalar(gamma)?, alpha: scalar(alpha)? };
        let wires = slices(&wires);
        let (tp, tg) = py.detach(|| quotient::quotients(&self.circuit, &wires, &z.data, &public, &challenges));
        Ok((wrap(tp), wrap(tg)))
    }
}

impl CircuitKernel {
    fn check_columns(&self, columns: &[PyRef<'_, FrVec>]) -> PyResult<()> {
        if columns.len() != NUM_WIRES || columns.iter().any(|c| c.data.len() != self.circuit.size()) {
            return Err(PyValueError::new_err("four columns of n values"));
        }
        Ok(())
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<CircuitKernel>()?;
    m.add_function(wrap_pyfunction!(poseidon2_permute, m)?)?;
    m.add_function(wrap_pyfunction!(poly_ntt, m)?)?;
    m.add_function(wrap_pyfunction!(poly_pack, m)?)?;
    m.add_function(wrap_pyfunction!(poly_evaluate, m)?)?;
    m.add_function(wrap_pyfunction!(poly_combine, m)?)?;
    m.add_function(wrap_pyfunction!(poly_divide, m)?)?;
    m.add_function(wrap_pyfunction!(poly_divide_in_place, m)?)?;
    m.add_function(wrap_pyfunction!(poly_reverse, m)?)?;
    m.add_function(wrap_pyfunction!(mercury_fold, m)?)?;
    m.add_function(wrap_pyfunction!(mercury_symmetric, m)?)
}
