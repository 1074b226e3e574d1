//! Statements over several rows, in a few fixed sizes so that each is prepared once and kept.

use std::sync::Arc;

const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// One statement in every size.
pub(crate) struct Many([Arc<str>; SIZES.len()]);

impl Many {
    /// `row` is the text for one row, repeated with commas between `before` and `after`.
    pub(crate) fn new(before: &str, row: &str, after: &str) -> Many {
        Many(SIZES.map(|size| format!("{before}{}{after}", vec![row; size].join(", ")).into()))
    }

    /// Cuts `rows` into stretches, each with the statement of its size.
    pub(crate) fn cut<'a, T>(&self, mut rows: &'a [T]) -> Vec<(Arc<str>, &'a [T])> {
        let mut stretches = Vec::new();
        for (size, sql) in SIZES.iter().zip(&self.0) {
            while let Some((stretch, rest)) = rows.split_at_checked(*size) {
                stretches.push((Arc::clone(sql), stretch));
                rows = rest;
            }
        }
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::Many;

    #[test]
    fn every_row_is_in_one_stretch_with_as_many_places() {
        let many = Many::new("(", "?", ")");
        let rows: Vec<u32> = (0..603).collect();
        let cut = many.cut(&rows);
        for (sql, stretch) in &cut {
            assert_eq!(sql.matches('?').count(), stretch.len());
        }
        let joined: Vec<u32> = cut.iter().flat_map(|(_, stretch)| stretch.iter().copied()).collect();
        assert_eq!(joined, rows);
    }
}
