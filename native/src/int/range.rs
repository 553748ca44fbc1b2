//! Declared widths and what happens outside them.

/// A value that left its range: |value| must stay below `bound` (or in [-bound, bound) when signed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeError {
    pub tensor: String,
    pub bound: i128,
    pub got: i128,
}

pub type Checked<T> = Result<T, RangeError>;

/// One tensor's declared width; without checks, the width that its array can hold.
#[derive(Clone, Copy)]
pub struct Width {
    bits: u32,
    signed: bool,
}

impl Width {
    pub fn signed(check: bool, bits: u32, storage: u32) -> Self {
        Self { bits: if check { bits } else { storage }, signed: true }
    }

    pub fn unsigned(check: bool, bits: u32, storage: u32) -> Self {
        Self { bits: if check { bits } else { storage }, signed: false }
    }

    /// The value itself, or the error; `name` is only called for the error.
    pub fn hold(self, value: i128, name: impl FnOnce() -> String) -> Checked<i128> {
        let bits = if self.signed { self.bits - 1 } else { self.bits };
        let bound = if bits < 127 { 1i128 << bits } else { i128::MAX };
        let low = if self.signed { -bound } else { 0 };
        if value < low || value >= bound {
            return Err(RangeError { tensor: name(), bound, got: value });
        }
        Ok(value)
    }

    /// `hold` for values that fit 64 bits, as most do.
    #[inline]
    pub fn hold64(self, value: i64, name: impl FnOnce() -> String) -> Checked<i64> {
        let inside = if self.signed {
            self.bits >= 64 || (value >> (self.bits - 1)) == (value >> 63)
        } else {
            value >= 0 && (self.bits >= 63 || value >> self.bits == 0)
        };
        if inside { Ok(value) } else { self.hold(value as i128, name).map(|_| value) }
    }
}

/// (round_s(z), remainder): 2^s y + remainder - 2^(s-1) = z, 0 <= remainder < 2^s.
#[inline]
pub fn round_shift(z: i64, shift: u32) -> (i64, i64) {
    let z = z + (1 << (shift - 1));
    (z >> shift, z & ((1 << shift) - 1))
}

/// The error of the first row that failed, so that the result does not depend on the thread count.
pub fn first_error(rows: Vec<Checked<()>>) -> Checked<()> {
    rows.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_exact_to_the_value() {
        let name = || "x".to_string();
        let signed = Width::signed(true, 8, 16);
        assert!(signed.hold64(127, name).is_ok() && signed.hold64(-128, name).is_ok());
        assert_eq!(signed.hold64(128, name), Err(RangeError { tensor: "x".into(), bound: 128, got: 128 }));
        assert_eq!(signed.hold64(-129, name).unwrap_err().got, -129);
        let unsigned = Width::unsigned(true, 8, 16);
        assert!(unsigned.hold64(255, name).is_ok() && unsigned.hold64(0, name).is_ok());
        assert_eq!(unsigned.hold64(256, name).unwrap_err().bound, 256);
        assert!(unsigned.hold64(-1, name).is_err());
        assert!(Width::unsigned(false, 8, 16).hold64(256, name).is_ok());
        for bits in [127, 128] {
            assert!(Width::unsigned(true, bits, 128).hold(i128::MAX - 1, name).is_ok());
        }
    }

    #[test]
    fn rounding_is_floor_of_the_shifted_half() {
        for z in -40i64..40 {
            for s in 1..5 {
                let (y, r) = round_shift(z, s);
                assert_eq!((y << s) + r - (1 << (s - 1)), z);
                assert!((0..1 << s).contains(&r));
            }
        }
    }
}
