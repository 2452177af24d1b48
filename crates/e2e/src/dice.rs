//! Chance, the same again on demand.

/// Dice that fall as in a former run where the variable `SEED` has what that one printed.
pub fn dice() -> fastrand::Rng {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
