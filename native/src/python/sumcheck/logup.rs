//! `LogUpTree` and `build_leaves`.

use super::tables::{Guard, Source, interruptible};
use crate::field::Fr;
use crate::logup::layer::LayerSumcheck;
use crate::logup::leaves::{self, Numerator, Segment};
use crate::logup::tree::Tree;
use crate::python::field::{FrVec, scalar, scalars, to_int, to_ints};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyInt;

/// The tree of fraction sums over the leaves p / (q' + 1), and the sumcheck of one layer at a time, in order: a
/// layer is freed when those below it are opened, the leaves when they are folded.
#[pyclass(module = "zkllm._native")]
struct LogUpTree {
    tree: Tree,
    /// p, q', until they are folded.
    leaves: Option<(Py<FrVec>, Py<FrVec>)>,
    /// The layer that is open, and its sumcheck.
    open: Option<(usize, LayerSumcheck)>,
}

fn no_open_layer() -> PyErr {
    PyValueError::new_err("no layer is open")
}

#[pymethods]
impl LogUpTree {
    #[new]
    fn new(py: Python<'_>, p: Bound<'_, FrVec>, q: Bound<'_, FrVec>) -> PyResult<Self> {
        let tree = {
            let (p, q) = (p.try_borrow()?, q.try_borrow()?);
            if p.data.is_empty() || p.data.len() != q.data.len() {
                return Err(PyValueError::new_err("p and q must have one element for each leaf, at least one"));
            }
            let (p, q) = (p.data.as_slice(), q.data.as_slice());
            interruptible(py, |poll| Tree::new(p, q, poll))?
        };
        Ok(Self { tree, leaves: Some((p.unbind(), q.unbind())), open: None })
    }

    /// (p, q - 1) of the sum of all leaves.
    fn root<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (p, q) = self.tree.root();
        Ok((to_int(py, &p)?, to_int(py, &q)?))
    }

    /// Layers above the leaves.
    #[getter]
    fn depth(&self) -> usize {
        self.tree.depth()
    }

    /// Starts the sumcheck of layer j for a claim at z (j coordinates, most significant bit first).
    fn open(&mut self, j: usize, z: &Bound<'_, PyAny>, lam: &Bound<'_, PyAny>) -> PyResult<()> {
        let z = scalars(z)?;
        if j >= self.tree.depth() || z.len() != j {
            return Err(PyValueError::new_err("z must have j coordinates, for a layer j above the leaves"));
        }
        if self.leaves.is_none() || self.open.as_ref().is_some_and(|(last, _)| j < *last) {
            return Err(PyValueError::new_err(format!("layer {j} was freed; layers are opened in order")));
        }
        let lam = scalar(lam)?;
        self.tree.release(j);
        self.open = Some((j, LayerSumcheck::new(z, lam)));
        Ok(())
    }

    /// h(0), h(1), h(2) of the current variable.
    fn round<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let h =
            self.with_open(py, true, |sumcheck, children| interruptible(py, |poll| sumcheck.round(children, poll)))?;
        to_ints(py, &h)
    }

    /// Sets the current variable to c.
    fn bind(&mut self, py: Python<'_>, c: &Bound<'_, PyAny>) -> PyResult<()> {
        let c = scalar(c)?;
        self.with_open(py, true, |sumcheck, children| interruptible(py, |poll| sumcheck.bind(c, children, poll)))?;
        if self.open.as_ref().is_some_and(|(j, sumcheck)| j + 1 == self.tree.depth() && !sumcheck.reads_children()) {
            self.leaves = None;
        }
        Ok(())
    }

    /// p0, p1, q0', q1' of the children, once j variables are bound.
    fn values<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let values = self.with_open(py, false, |sumcheck, children| Ok(sumcheck.values(children)))?;
        to_ints(py, &values)
    }
}

impl LogUpTree {
    /// Calls `f` with the open sumcheck and the children's layer; `variable`: one must be unbound, else none.
    fn with_open<T>(
        &mut self,
        py: Python<'_>,
        variable: bool,
        f: impl FnOnce(&mut LayerSumcheck, (&[Fr], &[Fr])) -> PyResult<T>,
    ) -> PyResult<T> {
        let (j, sumcheck) = self.open.as_mut().ok_or_else(no_open_layer)?;
        match (variable, sumcheck.remaining()) {
            (true, 0) => return Err(PyValueError::new_err("every variable is bound")),
            (false, n) if n > 0 => return Err(PyValueError::new_err(format!("{n} variables are not bound yet"))),
            _ => {}
        }
        if !sumcheck.reads_children() {
            return f(sumcheck, (&[], &[]));
        }
        if *j + 1 < self.tree.depth() {
            let layer = self.tree.layer(*j + 1);
            return f(sumcheck, (&layer.p, &layer.q));
        }
        let (p, q) = self.leaves.as_ref().ok_or_else(no_open_layer)?;
        let (p, q) = (p.bind(py).try_borrow()?, q.bind(py).try_borrow()?);
        f(sumcheck, (&p.data, &q.data))
    }
}

/// The arrays of one segment: numerators (unless constant), inputs, outputs.
struct Arrays<T> {
    address: usize,
    tag: Fr,
    constant: Fr,
    numerator: Option<T>,
    input: T,
    output: Option<T>,
}

type PySegment<'py> = (usize, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

fn read_segment(segment: PySegment<'_>) -> PyResult<Arrays<Source>> {
    let (address, tag, numerator, input, output) = segment;
    let is_constant = numerator.is_instance_of::<PyInt>();
    Ok(Arrays {
        address,
        tag: scalar(&tag)?,
        constant: if is_constant { scalar(&numerator)? } else { Fr::default() },
        numerator: if is_constant { None } else { Some(Source::new(&numerator, None)?) },
        input: Source::new(&input, None)?,
        output: output.map(|o| Source::new(&o, None)).transpose()?,
    })
}

/// Leaves of lookups: segments (address, tag, numerator, input, output) give, for entry i of the row-major
/// arrays, p = numerator and q' = alpha - tag - beta input - beta^2 output - 1 at address + i.
#[pyfunction]
fn build_leaves(
    py: Python<'_>,
    total: usize,
    segments: Vec<PySegment<'_>>,
    alpha: &Bound<'_, PyAny>,
    beta: &Bound<'_, PyAny>,
) -> PyResult<(FrVec, FrVec)> {
    let (alpha, beta) = (scalar(alpha)?, scalar(beta)?);
    let sources = segments.into_iter().map(read_segment).collect::<PyResult<Vec<_>>>()?;
    let mut guards: Vec<Arrays<Guard<'_>>> = vec![];
    for s in &sources {
        guards.push(Arrays {
            address: s.address,
            tag: s.tag,
            constant: s.constant,
            numerator: s.numerator.as_ref().map(|n| n.guard(py)).transpose()?,
            input: s.input.guard(py)?,
            output: s.output.as_ref().map(|o| o.guard(py)).transpose()?,
        });
    }
    let mut views: Vec<Segment<'_>> = vec![];
    for g in &guards {
        let input = g.input.ints()?;
        let output = g.output.as_ref().map(Guard::ints).transpose()?;
        let numerator = match &g.numerator {
            None => Numerator::Constant(g.constant),
            Some(n) => Numerator::Ints(n.ints()?),
        };
        let counts = [
            if let Numerator::Ints(n) = &numerator { n.len() } else { input.len() },
            output.as_ref().map_or(input.len(), |o| o.len()),
        ];
        if counts.iter().any(|&n| n != input.len()) {
            return Err(PyValueError::new_err("the arrays of a segment have different numbers of elements"));
        }
        views.push(Segment { address: g.address, tag: g.tag, numerator, input, output });
    }
    let mut ranges: Vec<(usize, usize)> = views.iter().map(|s| (s.address, s.input.len())).collect();
    ranges.sort_unstable();
    let mut end = 0;
    for (address, len) in ranges {
        if address < end || address.checked_add(len).is_none_or(|stop| stop > total) {
            return Err(PyValueError::new_err(format!("the segment at {address} overlaps another or passes the end")));
        }
        end = address + len;
    }
    let (p, q) = interruptible(py, |poll| leaves::build(total, &views, alpha, beta, poll))?;
    Ok((FrVec { data: p }, FrVec { data: q }))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<LogUpTree>()?;
    m.add_function(wrap_pyfunction!(build_leaves, m)?)
}
