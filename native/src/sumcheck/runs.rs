//! Where the elements of a strided table lie, in row-major order.

/// Axes that lie contiguously are merged.
pub struct Runs {
    /// (size, stride) of the axes around the runs, outermost first.
    outer: Vec<(usize, isize)>,
    /// Elements of a run, which are adjacent.
    pub len: usize,
}

impl Runs {
    pub fn new(shape: &[usize], strides: &[isize]) -> Self {
        let mut dims: Vec<(usize, isize)> = vec![];
        for (&size, &stride) in shape.iter().zip(strides).filter(|d| *d.0 != 1) {
            match dims.last_mut() {
                Some(last) if last.1 == stride * size as isize => *last = (last.0 * size, stride),
                _ => dims.push((size, stride)),
            }
        }
        let len = dims.pop_if(|last| last.1 == 1).map_or(1, |last| last.0);
        Self { outer: dims, len }
    }

    /// The position of element `index`, and how many elements from it on are adjacent.
    #[inline]
    pub fn locate(&self, index: usize) -> (isize, usize) {
        let (mut row, column) = (index / self.len, index % self.len);
        let mut position = column as isize;
        for &(size, stride) in self.outer.iter().rev() {
            position += (row % size) as isize * stride;
            row /= size;
        }
        (position, self.len - column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sumcheck::table::{IntType, IntView};

    #[test]
    fn runs_are_where_elements_lie() {
        let values: Vec<i64> = (0..300).collect();
        for (shape, strides, len) in [
            (vec![5, 6, 7], vec![42isize, 7, 1], 210),
            (vec![7, 6, 5], vec![1, 7, 42], 1),
            (vec![5, 7, 6], vec![42, 1, 7], 1),
            (vec![3, 2, 7], vec![84, 7, 1], 14),
            (vec![3, 2, 4], vec![84, 7, 1], 4),
            (vec![4, 1, 3], vec![0, 9, 2], 1),
            (vec![4, 1, 3, 1], vec![50, 9, 1, 77], 3),
            (vec![], vec![], 1),
        ] {
            // SAFETY: the shapes above stay within `values`.
            let view = unsafe { IntView::new(values.as_ptr().cast(), IntType::I64, shape.clone(), strides.clone()) };
            let runs = Runs::new(&shape, &strides);
            assert_eq!(runs.len, len);
            for i in 0..view.len() {
                let (position, left) = runs.locate(i);
                assert_eq!(position, view.position(i));
                (1..left).for_each(|k| assert_eq!(view.position(i + k), position + k as isize));
            }
        }
    }
}
