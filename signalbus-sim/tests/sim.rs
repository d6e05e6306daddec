//! The simulation over many seeds. More on request: `cargo xtask sim --seeds 10000`.

#![expect(clippy::unwrap_used, reason = "a helper of tests")]

use signalbus_sim::sim::{Mode, Script, run};

/// Plays seeds; the first that fails is told with the command that replays it, made short.
fn play(mode: Mode, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let run = run(&Script::new(seed, mode)).unwrap();
        assert!(run.violations.is_empty(), "{}", run.report(100));
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for mode in [Mode::Safety, Mode::Liveness] {
        for seed in 0..30 {
            let [one, two] = [(); 2].map(|()| run(&Script::new(seed, mode)).unwrap());
            let differ = std::iter::zip(&one.history.events, &two.history.events)
                .find(|(one, two)| format!("{one:?}") != format!("{two:?}"));
            assert!(differ.is_none(), "seed {seed}: {differ:#?}");
            assert_eq!(one.trace(), two.trace(), "seed {seed}");
            assert!(one.history.events.len() > 20, "seed {seed} does nothing");
        }
    }
}

#[test]
fn faults_at_random_0() {
    play(Mode::Safety, 0..100);
}

#[test]
fn faults_at_random_1() {
    play(Mode::Safety, 100..200);
}

#[test]
fn faults_at_random_2() {
    play(Mode::Safety, 200..300);
}

#[test]
fn faults_at_random_3() {
    play(Mode::Safety, 300..400);
}

#[test]
fn one_part_broken_for_good() {
    play(Mode::Liveness, 0..100);
}
