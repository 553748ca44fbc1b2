//! The grand fraction sum of LogUp-GKR (Papini, Habock, eprint 2023/1284) over a real number of leaves.
//!
//! A leaf is p / d. The argument runs on (p, q' = d - 1), so that a missing leaf is (0, 0), the fraction 0 / 1;
//! the tables hold d. The parent of two leaves is their sum: p = p0 d1 + p1 d0 and d = d0 d1.
//!
//! Neither the leaves nor the two layers above them are stored: they are computed from the integers when the tree
//! is built and again when their sumchecks run.

mod blocks;
pub mod count;
mod gram;
pub mod layer;
pub mod leaves;
mod table;
pub mod tree;
