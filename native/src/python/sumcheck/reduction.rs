//! `ReductionInstance` and `add_tables`.

use super::tables::{Guard, Source, Vectors, interruptible};
use crate::field::Fr;
use crate::python::field::{FrVec, scalar, to_ints};
use crate::sumcheck::reduction::{self, Data, Reduction, Weight};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A scaled table at an address.
struct Piece<T> {
    address: usize,
    coef: Fr,
    table: T,
}

type Pieces<T> = Vec<Vec<Piece<T>>>;
type PyWeight<'py> = (usize, Bound<'py, PyAny>, Vec<Bound<'py, FrVec>>);
type PyData<'py> = (usize, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// The sum over columns g and places x of E_g(x) C_g(x), bound variable by variable, without dense columns.
///
/// `columns` has (weights, data) for each column: E_g is the sum of coef * (outer product of vectors) at an
/// address, for each (address, coef, vectors); C_g the sum of coef * table, for each (address, coef, table).
/// Equals a `SumcheckInstance` over one axis of 2^mu with factors E_0, C_0, E_1, C_1, ..
#[pyclass(module = "zkllm._native")]
struct ReductionInstance {
    core: Reduction,
    /// Empty once the data are folded.
    sources: Pieces<Source>,
}

fn guards<'py>(py: Python<'py>, sources: &Pieces<Source>) -> PyResult<Pieces<Guard<'py>>> {
    let guard = |p: &Piece<Source>| Ok(Piece { address: p.address, coef: p.coef, table: p.table.guard(py)? });
    sources.iter().map(|column| column.iter().map(guard).collect()).collect()
}

fn views<'a>(guards: &'a Pieces<Guard<'_>>) -> Vec<Vec<Data<'a>>> {
    let bundle = |column: &'a Vec<Piece<Guard<'_>>>| {
        let mut out: Vec<Data<'a>> = vec![];
        for p in column {
            let table = p.table.table();
            match out.last_mut() {
                Some(last) if last.accepts(p.address, &table) => {
                    last.coefs.push(p.coef);
                    last.tables.push(table);
                }
                _ => out.push(Data::new(p.address, p.coef, table)),
            }
        }
        out
    };
    guards.iter().map(bundle).collect()
}

fn check_end(end: Option<usize>, size: usize) -> PyResult<()> {
    match end {
        Some(end) if end <= size => Ok(()),
        _ => Err(PyValueError::new_err(format!("a part of a column ends behind its {size} places"))),
    }
}

#[pymethods]
impl ReductionInstance {
    #[new]
    #[pyo3(signature = (mu, columns, first_rounds=None))]
    fn new(
        py: Python<'_>,
        mu: usize,
        columns: Vec<(Vec<PyWeight<'_>>, Vec<PyData<'_>>)>,
        first_rounds: Option<usize>,
    ) -> PyResult<Self> {
        // three rounds leave an eighth of the tables; short columns are quicker dense
        let first_rounds = first_rounds.unwrap_or(mu.saturating_sub(14).min(3));
        if mu > 34 || first_rounds > mu.min(8) {
            return Err(PyValueError::new_err("mu is at most 34, first_rounds at most 8 and mu"));
        }
        let (mut weights, mut sources) = (vec![], vec![]);
        for (column_weights, column_data) in columns {
            let (mut own_weights, mut own_sources) = (vec![], vec![]);
            for (address, coef, vectors) in column_weights {
                let (coef, vectors) = (scalar(&coef)?, Vectors::new(&vectors)?);
                let slices = vectors.slices();
                let len: usize = slices.iter().map(|v| v.len()).product();
                check_end(address.checked_add(len), 1 << mu)?;
                if len > 0 {
                    own_weights.push(py.detach(|| Weight::new(address, coef, &slices)));
                }
            }
            for (address, coef, table) in column_data {
                let table = Source::new(&table, None)?;
                check_end(address.checked_add(table.guard(py)?.table().len()), 1 << mu)?;
                own_sources.push(Piece { address, coef: scalar(&coef)?, table });
            }
            weights.push(own_weights);
            sources.push(own_sources);
        }
        let core = {
            let guards = guards(py, &sources)?;
            let data = views(&guards);
            interruptible(py, |poll| Reduction::new(mu, first_rounds, weights, &data, poll))?
        };
        let mut instance = Self { core, sources };
        instance.drop_sources();
        Ok(instance)
    }

    /// Unbound variables.
    fn remaining(&self) -> usize {
        self.core.remaining()
    }

    /// Degree of the round polynomial.
    fn degree(&self) -> PyResult<usize> {
        self.require_variable()?;
        Ok(2)
    }

    /// The round polynomial's values at 0, 1, 2.
    fn round<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.require_variable()?;
        let core = &mut self.core;
        let values = interruptible(py, |poll| core.round(poll))?;
        to_ints(py, &values)
    }

    /// Sets the current variable to c.
    fn bind(&mut self, py: Python<'_>, c: &Bound<'_, PyAny>) -> PyResult<()> {
        self.require_variable()?;
        let c = scalar(c)?;
        {
            let guards = guards(py, &self.sources)?;
            let (data, core) = (views(&guards), &mut self.core);
            interruptible(py, |poll| core.bind(c, &data, poll))?;
        }
        self.drop_sources();
        Ok(())
    }

    /// E_0, C_0, E_1, C_1, .. once every variable is bound.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        if self.core.remaining() > 0 {
            return Err(PyValueError::new_err(format!("{} variables are not bound yet", self.core.remaining())));
        }
        to_ints(py, &self.core.values())
    }
}

impl ReductionInstance {
    fn drop_sources(&mut self) {
        if !self.core.reads_data() {
            self.sources = vec![];
        }
    }

    fn require_variable(&self) -> PyResult<()> {
        if self.core.remaining() == 0 {
            return Err(PyValueError::new_err("every variable is bound"));
        }
        Ok(())
    }
}

/// out[address + i] += coef * table[i], row-major, for each (address, coef, table). Integer tables that follow one
/// another at the same address are added in one pass over `out`.
#[pyfunction]
fn add_tables(py: Python<'_>, out: &Bound<'_, FrVec>, pieces: Vec<PyData<'_>>) -> PyResult<()> {
    let mut out = out.try_borrow_mut()?;
    let mut sources = vec![];
    for (address, coef, table) in pieces {
        let table = Source::new(&table, None)?;
        check_end(address.checked_add(table.guard(py)?.table().len()), out.data.len())?;
        sources.push(Piece { address, coef: scalar(&coef)?, table });
    }
    let guards = guards(py, &vec![sources])?;
    let columns = views(&guards);
    let data = &mut out.data;
    interruptible(py, |poll| reduction::add_tables(data, &columns[0], poll))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<ReductionInstance>()?;
    m.add_function(wrap_pyfunction!(add_tables, m)?)
}
