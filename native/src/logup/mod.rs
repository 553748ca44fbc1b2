//! The grand fraction sum of LogUp-GKR (Papini, Habock, eprint 2023/1284) over a real number of leaves.
//!
//! A leaf is p / q, stored as (p, q' = q - 1), so that a missing leaf is (0, 0), the fraction 0 / 1. The parent of
//! two leaves is their sum: p = p0 q1 + p1 q0 and q = q0 q1.

pub mod layer;
pub mod leaves;
pub mod tree;
