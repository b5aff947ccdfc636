//! Flags of the simulation, shared by `demo` and `simulate`.

use clap::Args;

/// By default, the demo plays the same story each time.
const DEFAULT_SEED: &str = "1";

/// At a speed of 1000 an hour of the story takes 3.6 s, about the fastest that polling every second can follow. The
/// limit also keeps durations finite.
const MAX_SPEED: f64 = 1000.0;

/// Seed and speed of a simulated story.
#[derive(Args, Clone, Copy, Debug)]
pub struct PaceFlags {
    /// Seed of the random numbers; the same seed plays the same story
    #[arg(long, value_name = "NUMBER", default_value = DEFAULT_SEED)]
    pub seed: u64,

    /// Speed of the story as a multiple of real time, up to 1000
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    pub speed: f64,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text
        .parse()
        .ok()
        .filter(|speed| *speed > 0.0 && *speed <= MAX_SPEED);
    speed.ok_or_else(|| format!("expected a number above 0 and at most {MAX_SPEED}"))
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
