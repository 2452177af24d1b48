//! Durations: `500ms`, `30s`, `1m 30s`, `2h`.

use crate::text::Unfit;
use std::time::Duration;

/// Longer ones are slips of the keyboard.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A duration of at least `min`.
pub(crate) fn parse(text: &str, min: Duration) -> Result<Duration, Unfit> {
    let bare = text.trim();
    if !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit()) {
        return Err(unitless(bare));
    }
    let given = humantime::parse_duration(bare).map_err(|_| {
        Unfit::new(
            format!("cannot be {text:?}: that is no duration"),
            "write a number and a unit: `\"500ms\"`, `\"30s\"`, `\"1m 30s\"`, `\"2h\"` or `\"7d\"`",
        )
    })?;
    if given < min {
        return Err(Unfit::new(
            format!("cannot be {text:?}: that is too short"),
            format!("it takes {} at least", show(min)),
        ));
    }
    if given > LONGEST {
        return Err(Unfit::new(
            format!("cannot be {text:?}: that is too long"),
            "it takes ten years at most",
        ));
    }
    Ok(given)
}

/// What to say to a number without unit.
pub(crate) fn unitless(number: &str) -> Unfit {
    let short = if number == "0" { "0s".to_owned() } else { format!("{number}ms") };
    let help = if number == "0" {
        format!("write `\"{short}\"`")
    } else {
        format!("write `\"{number}s\"` for seconds or `\"{short}\"` for milliseconds")
    };
    Unfit::new("is a duration and needs a unit", help)
}

/// As one would write it: `1m 30s`.
pub(crate) fn show(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace("days", "d").replace("day", "d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let ms = |text| parse(text, Duration::ZERO).map(|d| d.as_millis()).ok();
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms("30s"), Some(30_000));
        assert_eq!(ms("1.5s"), Some(1500));
        assert_eq!(ms("1m 30s"), Some(90_000));
        assert_eq!(ms("1m30s"), Some(90_000));
        assert_eq!(ms("7d"), Some(604_800_000));
        for bad in ["", " ", "30", "s", "-1s", "30 parsecs", "1e9s", "99999999999y", "99999999999999999999s"]
        {
            assert_eq!(ms(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for secs in [1, 90, 3600, 604_800] {
            let duration = Duration::from_secs(secs);
            assert_eq!(parse(&show(duration), Duration::ZERO), Ok(duration));
        }
        assert_eq!(show(Duration::from_secs(604_800)), "7d");
    }
}
