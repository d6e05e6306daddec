use std::time::{Duration, Instant};

/// Measures CPU time (user and system, all threads) and wall time of a stretch of work.
#[derive(Debug)]
pub struct Cpu {
    cpu: Duration,
    wall: Instant,
}

impl Cpu {
    /// Starts to measure.
    #[must_use]
    pub fn start() -> Self {
        Self {
            cpu: process_cpu_time(),
            wall: Instant::now(),
        }
    }

    /// Does `work` while the clocks stand.
    pub fn aside<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let aside = Self::start();
        let value = work();
        let (cpu, wall) = aside.stop();
        self.cpu += cpu;
        self.wall += wall;
        value
    }

    /// CPU time and wall time since the start.
    #[must_use]
    pub fn stop(&self) -> (Duration, Duration) {
        (
            process_cpu_time().saturating_sub(self.cpu),
            self.wall.elapsed(),
        )
    }
}

fn process_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}
