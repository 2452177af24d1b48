//! Sizes: `10MB`, `64KiB`.

use crate::text::Unfit;

/// Decimal units are powers of 1000, those with `i` of 1024 (IEC 80000-13).
const UNITS: [(&str, u64); 9] = [
    ("b", 1),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// A size in bytes.
pub(crate) fn parse(text: &str) -> Result<u64, Unfit> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = (&lower[..digits], lower[digits..].trim());
    if !number.is_empty() && unit.is_empty() {
        return Err(unitless(number));
    }
    let bytes = || {
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        match number.split_once('.') {
            None => number.parse::<u64>().ok()?.checked_mul(*factor),
            Some((whole, part)) => {
                let tenths = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
                let whole = whole.parse::<u64>().ok()?.checked_mul(*factor)?;
                whole.checked_add(part.parse::<u64>().ok()?.checked_mul(*factor)? / tenths)
            }
        }
    };
    bytes().ok_or_else(|| {
        Unfit::new(
            format!("cannot be {text:?}: that is no size"),
            "write a number and a unit: `\"10MB\"`, `\"64KiB\"` or `\"1GB\"`",
        )
    })
}

/// What to say to a number without unit.
pub(crate) fn unitless(number: &str) -> Unfit {
    Unfit::new(
        "is a size and needs a unit",
        format!("write `\"{number}B\"` for bytes or `\"{number}MB\"` for megabytes"),
    )
}

/// As one would write it: `10MB`, `64KiB`.
pub(crate) fn show(bytes: u64) -> String {
    let unit = UNITS.iter().rev().filter(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    let (name, factor) = unit.max_by_key(|(_, factor)| *factor).copied().unwrap_or(("b", 1));
    let name = name.to_ascii_uppercase().replace('I', "i");
    format!("{}{name}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse("10MB"), Ok(10_000_000));
        assert_eq!(parse("64 KiB"), Ok(65_536));
        assert_eq!(parse("1.5gb"), Ok(1_500_000_000));
        assert_eq!(parse("0B"), Ok(0));
        for bad in ["", "10", "MB", "10 MB/s", "-1MB", "1.MB", ".5MB", "1.2.3MB", "99999999999TB", "10ΜB"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for bytes in [0, 1, 1000, 65_536, 10_000_000, 1 << 30] {
            assert_eq!(parse(&show(bytes)), Ok(bytes));
        }
        assert_eq!((show(10_000_000), show(65_536)), ("10MB".into(), "64KiB".into()));
    }
}
