//! `SumcheckInstance`.

mod logup;
mod reduction;
pub mod tables;
mod vectors;

use super::field::{scalar, scalars, to_ints};
use crate::field::Fr;
use crate::sumcheck::instance::{Instance, Term};
use crate::sumcheck::later::LARGE;
use crate::sumcheck::table::Table;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tables::{Guard, Source, interruptible};

/// A sum over the hypercube of named axes of sum_k coef_k prod factors, bound variable by variable.
#[pyclass(module = "zkllm._native")]
struct SumcheckInstance {
    core: Instance,
    /// The tables that no challenge has touched yet.
    sources: Vec<Option<Source>>,
}

fn guards<'py>(py: Python<'py>, sources: &[Option<Source>]) -> PyResult<Vec<Option<Guard<'py>>>> {
    sources.iter().map(|s| s.as_ref().map(|s| s.guard(py)).transpose()).collect()
}

fn views<'a>(guards: &'a [Option<Guard<'_>>]) -> Vec<Option<Table<'a>>> {
    guards.iter().map(|g| g.as_ref().map(Guard::table)).collect()
}

#[pymethods]
impl SumcheckInstance {
    #[new]
    #[pyo3(signature = (sizes, factors, terms, tau=None))]
    fn new(
        py: Python<'_>,
        sizes: Vec<usize>,
        factors: Vec<(Vec<usize>, Bound<'_, PyAny>)>,
        terms: Vec<(Bound<'_, PyAny>, Vec<usize>)>,
        tau: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Self> {
        let mut sources = vec![];
        for (axes, table) in &factors {
            let shape = axes.iter().map(|&a| sizes.get(a).copied()).collect::<Option<Vec<usize>>>();
            let shape = shape.ok_or_else(|| PyValueError::new_err("a factor names an axis that does not exist"))?;
            sources.push(Some(Source::new(table, Some(&shape))?));
        }
        let axes = factors.into_iter().map(|(axes, _)| axes).collect();
        let terms = terms
            .into_iter()
            .map(|(coef, factors)| Ok(Term { coef: scalar(&coef)?, factors }))
            .collect::<PyResult<Vec<_>>>()?;
        let tau = tau.map(|t| t.iter().map(scalars).collect::<PyResult<Vec<_>>>()).transpose()?;
        let guards = guards(py, &sources)?;
        let tables = views(&guards);
        let core =
            py.detach(|| Instance::new(sizes, axes, terms, tau, &tables, LARGE)).map_err(PyValueError::new_err)?;
        Ok(Self { core, sources })
    }

    /// Unbound variables.
    fn remaining(&self) -> usize {
        self.core.remaining()
    }

    /// Degree of the round polynomial in the current variable (at least 1).
    fn degree(&self) -> PyResult<usize> {
        self.require_variable()?;
        Ok(self.core.degree())
    }

    /// The round polynomial's values at 0, 1, .., degree().
    fn round<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.require_variable()?;
        let guards = guards(py, &self.sources)?;
        let tables = views(&guards);
        let core = &mut self.core;
        let values = interruptible(py, |poll| core.round(&tables, poll))?;
        to_ints(py, &values)
    }

    /// Sets the current variable to c.
    fn bind(&mut self, py: Python<'_>, c: &Bound<'_, PyAny>) -> PyResult<()> {
        self.require_variable()?;
        let c = scalar(c)?;
        let guards = guards(py, &self.sources)?;
        let tables = views(&guards);
        let core = &mut self.core;
        interruptible(py, |poll| core.bind(c, &tables, poll))?;
        for (f, source) in self.sources.iter_mut().enumerate() {
            if self.core.is_folded(f) {
                *source = None;
            }
        }
        Ok(())
    }

    /// The factors' values, once every variable is bound.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        if self.core.remaining() > 0 {
            return Err(PyValueError::new_err(format!("{} variables are not bound yet", self.core.remaining())));
        }
        let guards = guards(py, &self.sources)?;
        let values: Vec<Fr> = self.core.values(&views(&guards));
        to_ints(py, &values)
    }
}

impl SumcheckInstance {
    fn require_variable(&self) -> PyResult<()> {
        if self.core.remaining() == 0 {
            return Err(PyValueError::new_err("every variable is bound"));
        }
        Ok(())
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<SumcheckInstance>()?;
    logup::register(m)?;
    reduction::register(m)?;
    vectors::register(m)
}
