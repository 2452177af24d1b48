//! Numbers of cores: `2`, `1.5`.

use crate::text::Unfit;

/// The least that the kernel gives: a hundredth (`cpu.max`: 1 ms of 100 ms).
const LEAST: f64 = 0.01;

/// More has no machine.
const MOST: f64 = 1024.0;

/// Thousandths of a core.
pub(crate) fn parse(text: &str) -> Result<u64, Unfit> {
    let plain = text.trim().replace('_', "");
    let number = plain.parse::<f64>().ok().filter(|number| (LEAST..=MOST).contains(number));
    number.map(|number| (number * 1000.0).round() as u64).ok_or_else(|| {
        Unfit::new(
            format!("cannot be {text}"),
            "it takes cores, from 0.01 to 1024: `1.5` for one and a half, `0.25` for a quarter",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_read_to_the_thousandth() {
        let read = |text: &str| parse(text).ok();
        assert_eq!(
            ["2", "1.5", "0.01", "0.3333", "1024"].map(read),
            [2000, 1500, 10, 333, 1_024_000].map(Some)
        );
        assert_eq!(["0", "-1", "0.001", "1025", "nan", "inf", "1e9", "x"].map(read), [None; 8]);
    }
}
