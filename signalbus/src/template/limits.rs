/// How much a template may use up, so that a bad one fails alone.
///
/// This guards against mistakes and against data, not against authors: templates are code, and
/// one written for the purpose can still exhaust the stack. Let nobody write them whom you would
/// not let write the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateLimits {
    /// Work for one part: about one for each instruction and for each 64 bytes handled.
    /// 500,000 by default, which is some ten milliseconds.
    pub fuel: u64,
    /// The longest a rendered part may be: 1 MiB by default.
    pub output_bytes: usize,
    /// The longest the source of a part may be: 256 KiB by default.
    pub source_bytes: usize,
    /// How deep arrays and objects in data may be nested: 128 by default, as deep as JSON is read.
    pub data_depth: usize,
}

impl Default for TemplateLimits {
    fn default() -> Self {
        Self {
            fuel: 500_000,
            output_bytes: 1024 * 1024,
            source_bytes: 256 * 1024,
            data_depth: 128,
        }
    }
}

impl TemplateLimits {
    /// The most that [`TemplateLimits::data_depth`] can be, for the sake of the stack.
    pub const MAX_DATA_DEPTH: usize = 128;

    /// Sets how much work one part may be.
    #[must_use]
    pub fn with_fuel(mut self, fuel: u64) -> Self {
        self.fuel = fuel;
        self
    }

    /// Sets how long a rendered part may be.
    #[must_use]
    pub fn with_output_bytes(mut self, bytes: usize) -> Self {
        self.output_bytes = bytes;
        self
    }

    /// Sets how long the source of a part may be.
    #[must_use]
    pub fn with_source_bytes(mut self, bytes: usize) -> Self {
        self.source_bytes = bytes;
        self
    }

    /// Sets how deep data may be nested, up to [`TemplateLimits::MAX_DATA_DEPTH`].
    #[must_use]
    pub fn with_data_depth(mut self, depth: usize) -> Self {
        self.data_depth = depth.min(Self::MAX_DATA_DEPTH);
        self
    }
}
