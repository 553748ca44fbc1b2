//! `ReductionInstance` and `sum_tables`.

use super::tables::{Guard, Source, Vectors, interruptible};
use crate::field::Fr;
use crate::field::rows::MAX_MAGNITUDE;
use crate::python::field::{FrVec, scalar, scalars, to_ints};
use crate::sumcheck::data::{Data, Part, sum_parts};
use crate::sumcheck::reduction::Reduction;
use crate::sumcheck::table::Table;
use crate::sumcheck::weight::Weight;
use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Bytes of the dense tables that take over, at most: fewer rounds before them are less work.
const DENSE: usize = 1 << 30;
const MAX_ROUNDS: usize = 8;

/// Scaled tables at addresses: sum_c coefs[c] table[l, c, ..] at address + l stride.
struct Piece<T> {
    address: usize,
    stride: usize,
    coefs: Vec<Fr>,
    table: T,
}

type Pieces<T> = Vec<Vec<Piece<T>>>;
type PyWeight<'py> = (usize, Bound<'py, PyAny>, Vec<Bound<'py, FrVec>>);
type PyData<'py> = (usize, usize, Bound<'py, PyAny>, Bound<'py, PyAny>);

impl Piece<Source> {
    /// A piece that ends within `size` places.
    fn new((address, stride, coefs, table): PyData<'_>, size: usize) -> PyResult<Self> {
        let (py, coefs) = (table.py(), scalars(&coefs)?);
        let shape = table.cast::<PyUntypedArray>().ok().map(|a| a.shape().to_vec());
        let layers = shape.as_ref().map_or(1, |s| s.first().copied().unwrap_or(0));
        if shape.map_or(coefs.len() != 1, |s| s.len() < 2 || s[1] != coefs.len()) {
            return Err(PyValueError::new_err("integers have axes (layer, slot, ..), and a coefficient for each slot"));
        }
        let mut table = Source::new(&table, None)?;
        let len = {
            let guard = table.guard(py)?;
            let len = guard.table().len() / (layers * coefs.len()).max(1);
            if let Table::Ints(t) = guard.table()
                && !t.is_below(MAX_MAGNITUDE)
            {
                if layers != 1 || coefs.len() != 1 {
                    return Err(PyValueError::new_err("packed integers are below 2^51 in magnitude"));
                }
                let mut data = crate::field::zeros(len);
                guard.table().write_to(&mut data);
                table = Source::Field(Py::new(py, FrVec { data })?);
            }
            len
        };
        let last = layers.saturating_sub(1).checked_mul(stride).and_then(|x| x.checked_add(address));
        match last.and_then(|x| x.checked_add(len)) {
            Some(end) if end <= size => Ok(Self { address, stride, coefs, table }),
            _ => Err(PyValueError::new_err(format!("a part of a column ends behind its {size} places"))),
        }
    }
}

/// The sum over columns g and places x of E_g(x) C_g(x), bound variable by variable, without dense columns.
///
/// `columns` has (weights, data) for each column: E_g is the sum of coef * (outer product of vectors) at an
/// address, for each (address, coef, vectors); C_g the sum of its data as in `sum_tables`.
/// Equals a `SumcheckInstance` over one axis of 2^mu with factors E_0, C_0, E_1, C_1, ..
#[pyclass(module = "zkllm._native")]
struct ReductionInstance {
    core: Reduction,
    /// Empty once the data are folded.
    sources: Pieces<Source>,
}

fn guards<'py>(py: Python<'py>, sources: &Pieces<Source>) -> PyResult<Pieces<Guard<'py>>> {
    let guard = |p: &Piece<Source>| {
        Ok(Piece { address: p.address, stride: p.stride, coefs: p.coefs.clone(), table: p.table.guard(py)? })
    };
    sources.iter().map(|column| column.iter().map(guard).collect()).collect()
}

fn views<'a>(guards: &'a Pieces<Guard<'_>>) -> Vec<Vec<Data<'a>>> {
    let data = |p: &'a Piece<Guard<'_>>| match p.table.table() {
        Table::Field(t) => vec![Data::field(p.address, p.coefs[0], t)],
        Table::Ints(t) => Data::layers(p.address, p.stride, p.coefs.clone(), &t),
    };
    guards.iter().map(|column| column.iter().flat_map(data).collect()).collect()
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
        if mu > 34 || first_rounds.is_some_and(|k| k > mu.min(MAX_ROUNDS)) {
            return Err(PyValueError::new_err("mu is at most 34, first_rounds at most 8 and mu"));
        }
        // three rounds leave an eighth of the tables, more where that is much; short columns are quicker dense
        let first_rounds = first_rounds.unwrap_or_else(|| {
            let dense = |k: &usize| (columns.len() * 2 * size_of::<Fr>()) << (mu - k) <= DENSE;
            let least = mu.saturating_sub(14).min(3);
            (least..mu.min(MAX_ROUNDS)).find(dense).unwrap_or(mu.min(MAX_ROUNDS))
        });
        let (mut weights, mut sources) = (vec![], vec![]);
        for (column_weights, column_data) in columns {
            let mut own = vec![];
            for (address, coef, vectors) in column_weights {
                let (coef, vectors) = (scalar(&coef)?, Vectors::new(&vectors)?);
                let slices = vectors.slices();
                let len: usize = slices.iter().map(|v| v.len()).product();
                if address.checked_add(len).is_none_or(|end| end > 1 << mu) {
                    return Err(PyValueError::new_err(format!("a weight ends behind the {} places", 1u64 << mu)));
                }
                if len > 0 {
                    own.push(py.detach(|| Weight::new(address, coef, &slices)));
                }
            }
            weights.push(own);
            sources.push(column_data.into_iter().map(|d| Piece::new(d, 1 << mu)).collect::<PyResult<Vec<_>>>()?);
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

/// A vector of `size` elements, the sum of pieces (address, stride, coefs, table): integers with axes (layer, slot, ..)
/// add sum_c coefs[c] table[l, c, ..] at address + l stride, row-major; an `FrVec` adds coefs[0] times itself. After
/// each sixteenth of the places, `passed` is called.
#[pyfunction]
#[pyo3(signature = (size, pieces, passed=None))]
fn sum_tables(
    py: Python<'_>,
    size: usize,
    pieces: Vec<PyData<'_>>,
    passed: Option<Bound<'_, PyAny>>,
) -> PyResult<FrVec> {
    let sources = vec![pieces.into_iter().map(|p| Piece::new(p, size)).collect::<PyResult<Vec<_>>>()?];
    let guards = guards(py, &sources)?;
    let columns = views(&guards);
    let parts: Vec<Part<'_, '_>> = columns[0].iter().map(Part::whole).collect();
    let (mut data, step) = (crate::field::zeros(size), size.div_ceil(16).max(1));
    for (i, out) in data.chunks_mut(step).enumerate() {
        interruptible(py, |poll| sum_parts(i * step, out, &parts, poll))?;
        if let Some(passed) = &passed {
            passed.call0()?;
        }
    }
    Ok(FrVec { data })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<ReductionInstance>()?;
    m.add_function(wrap_pyfunction!(sum_tables, m)?)
}
