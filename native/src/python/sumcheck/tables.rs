//! Tables that come from Python: `FrVec` or numpy integer arrays, read in place.

use crate::field::Fr;
use crate::python::field::FrVec;
use crate::sumcheck::table::{IntType, IntView, Table};
use crate::sumcheck::{Interrupted, Poll};
use numpy::{PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use std::sync::Mutex;

/// A table kept by reference.
pub enum Source {
    Field(Py<FrVec>),
    Ints(Py<PyUntypedArray>),
}

/// A table under a shared borrow for the time of one call.
pub enum Guard<'py> {
    Field(PyRef<'py, FrVec>),
    I8(PyReadonlyArrayDyn<'py, i8>),
    U8(PyReadonlyArrayDyn<'py, u8>),
    I16(PyReadonlyArrayDyn<'py, i16>),
    U16(PyReadonlyArrayDyn<'py, u16>),
    I32(PyReadonlyArrayDyn<'py, i32>),
    U32(PyReadonlyArrayDyn<'py, u32>),
    I64(PyReadonlyArrayDyn<'py, i64>),
}

impl Source {
    /// With `shape`: the table must have that many elements, and an array is seen in that shape.
    pub fn new(table: &Bound<'_, PyAny>, shape: Option<&[usize]>) -> PyResult<Self> {
        let wrong_size = |got: usize| {
            PyValueError::new_err(format!("a table has {got} elements, its axes {shape:?} have another number"))
        };
        if let Ok(v) = table.cast::<FrVec>() {
            let got = v.try_borrow()?.data.len();
            if shape.is_some_and(|s| s.iter().product::<usize>() != got) {
                return Err(wrong_size(got));
            }
            return Ok(Self::Field(v.clone().unbind()));
        }
        let Ok(array) = table.cast::<PyUntypedArray>() else {
            return Err(PyTypeError::new_err("a table is an FrVec or a numpy integer array"));
        };
        let mut array = array.clone();
        if let Some(s) = shape
            && array.shape() != s
        {
            if s.iter().product::<usize>() != array.len() {
                return Err(wrong_size(array.len()));
            }
            array = array.call_method1("reshape", (s.to_vec(),))?.cast_into()?;
        }
        if !array.getattr("flags")?.getattr("aligned")?.is_truthy()? {
            return Err(PyValueError::new_err("an integer table is not aligned; copy it first"));
        }
        let source = Self::Ints(array.unbind());
        source.guard(table.py())?; // refuses other types
        Ok(source)
    }

    pub fn guard<'py>(&self, py: Python<'py>) -> PyResult<Guard<'py>> {
        let array = match self {
            Self::Field(v) => return Ok(Guard::Field(v.bind(py).try_borrow()?)),
            Self::Ints(a) => a.bind(py),
        };
        macro_rules! try_types {
            ($($variant:ident),*) => {$(
                if let Ok(a) = array.extract() {
                    return Ok(Guard::$variant(a));
                }
            )*};
        }
        try_types!(I16, I8, U8, U16, I32, U32, I64);
        Err(PyTypeError::new_err(format!("a table has type {}, not an integer of at most 64 bits", array.dtype())))
    }
}

impl Guard<'_> {
    pub fn table(&self) -> Table<'_> {
        macro_rules! view {
            ($a:expr, $variant:ident) => {{
                let a = $a.as_array();
                // SAFETY: the array is aligned (checked by `Source::new`), borrowed for the guard's lifetime and
                // described by its own shape and strides.
                let view = unsafe {
                    IntView::new(a.as_ptr().cast(), IntType::$variant, a.shape().to_vec(), a.strides().to_vec())
                };
                Table::Ints(view)
            }};
        }
        match self {
            Self::Field(v) => Table::Field(&v.data),
            Self::I8(a) => view!(a, I8),
            Self::U8(a) => view!(a, U8),
            Self::I16(a) => view!(a, I16),
            Self::U16(a) => view!(a, U16),
            Self::I32(a) => view!(a, I32),
            Self::U32(a) => view!(a, U32),
            Self::I64(a) => view!(a, I64),
        }
    }

    /// The integers, when it is not a vector of field elements.
    pub fn ints(&self) -> PyResult<IntView<'_>> {
        match self.table() {
            Table::Ints(view) => Ok(view),
            Table::Field(_) => Err(PyTypeError::new_err("expected a numpy integer array, not an FrVec")),
        }
    }
}

/// Runs a kernel without the interpreter lock. Ctrl-C stops it between two chunks.
pub fn interruptible<T: Send>(
    py: Python<'_>,
    kernel: impl FnOnce(Poll<'_>) -> Result<T, Interrupted> + Send,
) -> PyResult<T> {
    let raised: Mutex<Option<PyErr>> = Mutex::new(None);
    let result = py.detach(|| {
        kernel(&|| {
            let error = Python::attach(|py| py.check_signals()).err();
            let stop = error.is_some();
            if stop {
                *raised.lock().expect("only this thread locks it") = error;
            }
            stop
        })
    });
    result.map_err(|Interrupted| {
        let error = raised.into_inner().expect("only this thread locked it");
        error.unwrap_or_else(|| PyRuntimeError::new_err("interrupted"))
    })
}

/// Several vectors under a shared borrow.
pub struct Vectors<'py>(Vec<PyRef<'py, FrVec>>);

impl<'py> Vectors<'py> {
    pub fn new(vectors: &[Bound<'py, FrVec>]) -> PyResult<Self> {
        Ok(Self(vectors.iter().map(|v| Ok(v.try_borrow()?)).collect::<PyResult<_>>()?))
    }

    pub fn slices(&self) -> Vec<&[Fr]> {
        self.0.iter().map(|v| v.data.as_slice()).collect()
    }
}
