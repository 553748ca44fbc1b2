//! `LogUpTree`.

use super::tables::{Guard, Source, interruptible};
use crate::field::Fr;
use crate::logup::leaves::{Leaves, Numerator, Plans, Segment};
use crate::logup::tree::{Argument, LARGE, build};
use crate::python::field::{FrVec, scalar, scalars, to_int, to_ints};
use crate::sumcheck::{Interrupted, Poll};
use ark_ff::Field;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyInt;

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

fn guards<'py>(py: Python<'py>, sources: &[Arrays<Source>]) -> PyResult<Vec<Arrays<Guard<'py>>>> {
    let guard = |s: &Arrays<Source>| {
        Ok(Arrays {
            address: s.address,
            tag: s.tag,
            constant: s.constant,
            numerator: s.numerator.as_ref().map(|n| n.guard(py)).transpose()?,
            input: s.input.guard(py)?,
            output: s.output.as_ref().map(|o| o.guard(py)).transpose()?,
        })
    };
    sources.iter().map(guard).collect()
}

fn views<'a>(guards: &'a [Arrays<Guard<'_>>]) -> PyResult<Vec<Segment<'a>>> {
    let view = |g: &'a Arrays<Guard<'_>>| {
        let numerator = match &g.numerator {
            None => Numerator::Constant(g.constant),
            Some(n) => Numerator::Ints(n.ints()?),
        };
        let output = g.output.as_ref().map(Guard::ints).transpose()?;
        Ok(Segment { address: g.address, tag: g.tag, numerator, input: g.input.ints()?, output })
    };
    guards.iter().map(view).collect()
}

fn check_segments(total: usize, segments: &[Segment<'_>]) -> PyResult<()> {
    let mut end = 0;
    for s in segments {
        let len = s.input.len();
        let numerators = if let Numerator::Ints(n) = &s.numerator { n.len() } else { len };
        if numerators != len || s.output.as_ref().is_some_and(|o| o.len() != len) {
            return Err(PyValueError::new_err("the arrays of a segment have different numbers of elements"));
        }
        if s.address < end || s.address.checked_add(len).is_none_or(|stop| stop > total) {
            let address = s.address;
            return Err(PyValueError::new_err(format!("the segment at {address} overlaps another or passes the end")));
        }
        end = s.address + len;
    }
    Ok(())
}

/// The tree of fraction sums over `total` leaves, and the sumcheck of one layer at a time, in order. Segments
/// (address, tag, numerator, input, output) give, for entry i of the row-major arrays, the leaf p = numerator,
/// q' = alpha - tag - beta input - beta^2 output - 1 at address + i; other leaves are (0, 0). The arrays are read
/// until the sumcheck of the lowest layer has a table of its own, and must not change before. `streamed` trees take
/// half of the memory and more time; by default large ones are.
#[pyclass(module = "zkllm._native")]
struct LogUpTree {
    tree: Box<dyn Argument>,
    plans: Plans,
    /// In ascending order; none once they are no longer needed.
    sources: Vec<Arrays<Source>>,
}

#[pymethods]
impl LogUpTree {
    #[new]
    #[pyo3(signature = (total, segments, alpha, beta, streamed=None))]
    fn new(
        py: Python<'_>,
        total: usize,
        segments: Vec<PySegment<'_>>,
        alpha: &Bound<'_, PyAny>,
        beta: &Bound<'_, PyAny>,
        streamed: Option<bool>,
    ) -> PyResult<Self> {
        if total == 0 {
            return Err(PyValueError::new_err("a tree has at least one leaf"));
        }
        let (alpha, beta) = (scalar(alpha)?, scalar(beta)?);
        let mut sources = segments.into_iter().map(read_segment).collect::<PyResult<Vec<_>>>()?;
        let lengths = views(&guards(py, &sources)?)?.iter().map(|s| s.input.len()).collect::<Vec<_>>();
        let mut order: Vec<usize> = (0..sources.len()).collect();
        order.sort_by_key(|&i| (sources[i].address, lengths[i]));
        let mut taken: Vec<Option<Arrays<Source>>> = sources.into_iter().map(Some).collect();
        sources = order.into_iter().filter_map(|i| taken[i].take()).collect();
        let (tree, plans) = {
            let guards = guards(py, &sources)?;
            let segments = views(&guards)?;
            check_segments(total, &segments)?;
            interruptible(py, |poll| {
                let plans = Plans::new(total, &segments, alpha, beta);
                let streamed = streamed.unwrap_or(total >= LARGE);
                Ok((build(&Leaves::new(&plans, &segments), streamed, poll)?, plans))
            })?
        };
        Ok(Self { tree, plans, sources })
    }

    /// (p, q') of the sum of all leaves.
    fn root<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let [p, d] = self.tree.root();
        Ok((to_int(py, &p)?, to_int(py, &(d - Fr::ONE))?))
    }

    /// Layers above the leaves.
    #[getter]
    fn depth(&self) -> usize {
        self.tree.depth()
    }

    /// Starts the sumcheck of layer j for a claim at z (j coordinates, most significant bit first).
    fn open(&mut self, py: Python<'_>, j: usize, z: &Bound<'_, PyAny>, lam: &Bound<'_, PyAny>) -> PyResult<()> {
        let (z, lam) = (scalars(z)?, scalar(lam)?);
        if j >= self.tree.depth() || z.len() != j {
            return Err(PyValueError::new_err("z must have j coordinates, for a layer j above the leaves"));
        }
        if self.tree.layer().is_some_and(|last| j <= last) {
            return Err(PyValueError::new_err(format!("layer {j} was freed; layers are opened once, in order")));
        }
        let leaves = self.tree.reads_leaves(Some(j));
        self.call(py, leaves, |tree, leaves, poll| tree.open(j, z, lam, leaves, poll))
    }

    /// h(0), h(1), h(2) of the current variable.
    fn round<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.check_open(true)?;
        let h = self.call(py, self.tree.reads_leaves(None), |tree, leaves, poll| tree.round(leaves, poll))?;
        to_ints(py, &h)
    }

    /// Sets the current variable to c.
    fn bind(&mut self, py: Python<'_>, c: &Bound<'_, PyAny>) -> PyResult<()> {
        let c = scalar(c)?;
        self.check_open(true)?;
        self.call(py, self.tree.reads_leaves(None), |tree, leaves, poll| tree.bind(c, leaves, poll))
    }

    /// p0, p1, q0', q1' of the children, once j variables are bound.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.check_open(false)?;
        to_ints(py, &self.tree.values())
    }

    /// p0, p1, q0', q1' of every node of the open layer that the unbound variables tell apart, in order.
    fn children(&mut self, py: Python<'_>) -> PyResult<(FrVec, FrVec, FrVec, FrVec)> {
        if self.tree.layer().is_none() {
            return Err(PyValueError::new_err("no layer is open"));
        }
        let [p0, p1, q0, q1] =
            self.call(py, self.tree.reads_leaves(None), |tree, leaves, _| Ok(tree.children(leaves)))?;
        Ok((FrVec { data: p0 }, FrVec { data: p1 }, FrVec { data: q0 }, FrVec { data: q1 }))
    }
}

impl LogUpTree {
    /// Refuses a call that needs an unbound variable, or none.
    fn check_open(&self, variable: bool) -> PyResult<()> {
        if self.tree.layer().is_none() {
            return Err(PyValueError::new_err("no layer is open"));
        }
        match (variable, self.tree.remaining()) {
            (true, 0) => Err(PyValueError::new_err("every variable is bound")),
            (false, n) if n > 0 => Err(PyValueError::new_err(format!("{n} variables are not bound yet"))),
            _ => Ok(()),
        }
    }

    /// Calls `f` without the interpreter lock, with the leaves if they are read; frees them after the last use.
    fn call<T: Send>(
        &mut self,
        py: Python<'_>,
        leaves: bool,
        f: impl FnOnce(&mut dyn Argument, Option<&Leaves<'_>>, Poll<'_>) -> Result<T, Interrupted> + Send,
    ) -> PyResult<T> {
        let tree = &mut *self.tree;
        if !leaves {
            return interruptible(py, |poll| f(tree, None, poll));
        }
        let result = {
            let guards = guards(py, &self.sources)?;
            let segments = views(&guards)?;
            let leaves = Leaves::new(&self.plans, &segments);
            interruptible(py, |poll| f(tree, Some(&leaves), poll))?
        };
        if tree.layer() == Some(tree.depth() - 1) && !tree.reads_leaves(None) {
            self.sources.clear();
        }
        Ok(result)
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<LogUpTree>()
}
