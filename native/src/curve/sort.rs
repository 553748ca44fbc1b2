//! Sorting the digits of a window by bucket, in counting passes whose counters stay in the first-level cache.

/// Marks an entry whose point is subtracted.
pub const NEGATIVE: u32 = 1 << 31;

/// log2 of the buckets of a part of the second pass.
const PART_BITS: u32 = 10;

/// Buckets of a part.
pub const PART: usize = 1 << PART_BITS;

/// Indices are below 2^21: with a sign and a place within a part they fill 32 bits.
pub const INDEX_BITS: u32 = 31 - PART_BITS;
const INDEX: u32 = (1 << INDEX_BITS) - 1;

/// Entries by bucket, and space to sort them in.
#[derive(Default)]
pub struct Sorted {
    /// Indices with their signs, the buckets' runs one after the other.
    pub entries: Vec<u32>,
    /// Entries of each bucket.
    pub sizes: Vec<u32>,
    digits: Vec<u32>,
    /// Sign, place in the part, index.
    parts: Vec<u32>,
    next: Vec<u32>,
}

impl Sorted {
    /// Sorts 0..count, at most 2^INDEX_BITS, by |digit(i)| - 1 < buckets, those of digit 0 left out; buckets is a
    /// power of two or a multiple of `PART`.
    pub fn sort(&mut self, count: usize, digit: impl Fn(usize) -> i32, buckets: usize) {
        assert!(count <= 1 << INDEX_BITS);
        let low_bits = buckets.trailing_zeros().min(PART_BITS);
        // bucket and sign; the zeros' bucket is beyond the others
        self.digits.clear();
        self.next.clear();
        self.next.resize((buckets >> low_bits) + 1, 0);
        let counters = &mut self.next[..];
        self.digits.extend((0..count).map(|i| {
            let d = digit(i);
            let bucket = if d == 0 { buckets as u32 } else { d.unsigned_abs() - 1 };
            counters[(bucket >> low_bits) as usize] += 1;
            bucket | if d < 0 { NEGATIVE } else { 0 }
        }));
        let total = count - self.next[buckets >> low_bits] as usize;
        let ends: Vec<usize> = self.next[..buckets >> low_bits]
            .iter()
            .scan(0, |end, &n| {
                *end += n as usize;
                Some(*end)
            })
            .collect();
        starts(&mut self.next);
        self.parts.resize(count, 0);
        for (i, &d) in self.digits.iter().enumerate() {
            let bucket = d & !NEGATIVE;
            let slot = &mut self.next[(bucket >> low_bits) as usize];
            let low = bucket & ((1 << low_bits) - 1);
            self.parts[*slot as usize] = d & NEGATIVE | low << INDEX_BITS | i as u32;
            *slot += 1;
        }
        self.entries.resize(total, 0);
        self.sizes.clear();
        self.sizes.resize(buckets, 0);
        let mut start = 0;
        for (end, sizes) in ends.into_iter().zip(self.sizes.chunks_exact_mut(1 << low_bits)) {
            let (part, out) = (&self.parts[start..end], &mut self.entries[start..end]);
            let low = |entry: u32| ((entry & !NEGATIVE) >> INDEX_BITS) as usize;
            for &entry in part {
                sizes[low(entry)] += 1;
            }
            self.next.clear();
            self.next.extend_from_slice(sizes);
            starts(&mut self.next);
            for &entry in part {
                let slot = &mut self.next[low(entry)];
                out[*slot as usize] = entry & (NEGATIVE | INDEX);
                *slot += 1;
            }
            start = end;
        }
    }
}

/// The sums of the numbers before each.
fn starts(counts: &mut [u32]) {
    let mut total = 0;
    for n in counts {
        total += std::mem::replace(n, total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_stable_sort() {
        let mut sorted = Sorted::default();
        for (count, buckets) in
            [(0, 4), (1, 1), (1000, 1), (1000, 64), (3000, 1 << 11), (5000, 1 << 13), (5000, 5 << 10)]
        {
            let digit = |i: usize| (i * i * 7919 % (2 * buckets + 1)) as i32 - buckets as i32;
            sorted.sort(count, digit, buckets);
            let mut expected: Vec<usize> = (0..count).filter(|&i| digit(i) != 0).collect();
            expected.sort_by_key(|&i| digit(i).unsigned_abs());
            let entries: Vec<(usize, bool)> =
                sorted.entries.iter().map(|&e| ((e & !NEGATIVE) as usize, e & NEGATIVE != 0)).collect();
            assert_eq!(entries, expected.iter().map(|&i| (i, digit(i) < 0)).collect::<Vec<_>>());
            let size = |b: usize| expected.iter().filter(|&&i| digit(i).unsigned_abs() as usize == b + 1).count();
            assert!((0..buckets).all(|b| sorted.sizes[b] as usize == size(b)));
        }
    }
}
