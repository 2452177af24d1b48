//! Proxies that are measured by turns.

use super::process::{self, Pid};
use super::row::{Row, Unit, median};
use crate::trouble::Trouble;
use std::array;
use std::net::SocketAddr;
use std::time::Duration;

/// A proxy under measurement.
#[derive(Debug)]
pub(crate) struct Candidate {
    name: &'static str,
    /// Where it answers.
    pub(crate) address: SocketAddr,
    processes: Vec<Pid>,
}

impl Candidate {
    /// A proxy, and all processes that work for it.
    pub(crate) fn new(name: &'static str, address: SocketAddr, processes: Vec<Pid>) -> Self {
        Self { name, address, processes }
    }

    /// Microseconds of CPU for each of what `drive` counts.
    pub(crate) fn cost(
        &self,
        drive: impl FnOnce(SocketAddr) -> Result<u64, Trouble>,
    ) -> Result<f64, Trouble> {
        let before = self.used();
        let count = drive(self.address)?;
        Ok((self.used() - before).as_secs_f64() * 1e6 / count as f64)
    }

    /// Resident memory in MiB.
    pub(crate) fn resident(&self) -> f64 {
        self.processes.iter().copied().map(process::resident).sum()
    }

    fn used(&self) -> Duration {
        self.processes.iter().copied().map(process::cpu).sum()
    }
}

/// A row for each of these figures: of so many rounds in which each candidate is measured once, the middle one.
/// The first candidate is ours.
pub(crate) fn by_turns<const N: usize>(
    rounds: usize,
    figures: [(&str, Unit); N],
    candidates: &[Candidate],
    mut measure: impl FnMut(&Candidate) -> Result<[f64; N], Trouble>,
) -> Result<[Row; N], Trouble> {
    let mut measured: Vec<[Vec<f64>; N]> = vec![[const { Vec::new() }; N]; candidates.len()];
    for _ in 0..rounds {
        for (one, rounds) in candidates.iter().zip(&mut measured) {
            let figures = measure(one)?;
            rounds.iter_mut().zip(figures).for_each(|(rounds, figure)| rounds.push(figure));
        }
    }
    Ok(array::from_fn(|n| {
        let (what, unit) = figures[n];
        let middle = |rounds: &[Vec<f64>; N]| median(rounds[n].clone());
        let ours = measured.first().map_or(f64::NAN, middle);
        let others = candidates.iter().zip(&measured).skip(1);
        others.fold(Row::new(what, unit, ours), |row, (other, rounds)| row.beside(other.name, middle(rounds)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_round_of_each_counts() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let candidates =
            [Candidate::new("ours", at(1), Vec::new()), Candidate::new("theirs", at(2), Vec::new())];
        let mut calls = 0.0;
        let [row] = by_turns(3, [("calls", Unit::Count)], &candidates, |one| {
            calls += 1.0;
            Ok([calls * 10.0 + f64::from(one.address.port())])
        })
        .unwrap();
        assert_eq!((row.ours, row.others), (31.0, vec![("theirs", 42.0)]));
    }
}
