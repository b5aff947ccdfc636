//! Flags of the simulation, which several subcommands share.

use clap::Args;

/// The demo tells the same story each time unless asked for another.
const DEFAULT_SEED: &str = "1";

/// At a thousand times its speed a story's hour takes 3.6 s, close to what polling every second can
/// still follow; a limit also keeps durations finite.
const MAX_SPEED: f64 = 1000.0;

/// What makes a simulated story repeatable, and fast.
#[derive(Args, Clone, Copy, Debug)]
pub struct PaceFlags {
    /// Number that decides every throw of the dice; the same seed is the same story
    #[arg(long, value_name = "NUMBER", default_value = DEFAULT_SEED)]
    pub seed: u64,

    /// How many times faster than real time the story runs, up to 1000
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    pub speed: f64,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text
        .parse()
        .ok()
        .filter(|speed| *speed > 0.0 && *speed <= MAX_SPEED);
    speed.ok_or_else(|| format!("give a number above 0, and {MAX_SPEED} at most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_positive_and_bounded() {
        assert_eq!((speed("0.5"), speed("1000")), (Ok(0.5), Ok(1000.0)));
        for bad in ["0", "-1", "1000.1", "NaN", "inf", "fast", ""] {
            assert!(speed(bad).is_err(), "{bad:?}");
        }
    }
}
