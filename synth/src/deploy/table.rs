//! A table as text for people.

/// The rows as lines with two spaces before each cell. All columns but the last have the width of their widest cell.
#[must_use]
pub fn table<'a, const N: usize>(rows: impl IntoIterator<Item = [&'a str; N]>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[&str; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("  {cell:width$}"));
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        assert_eq!(table([["a", "bcd", "e f"], ["gä", "", "h"]]), "  a   bcd  e f\n  gä       h\n");
        assert_eq!(table::<2>([]), "");
    }
}
