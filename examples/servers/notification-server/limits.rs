//! Limits that all processes keep together.

use std::{error::Error, sync::Arc};

use signalbus::{
    Limiter,
    limit::LocalShare,
    redis::{RedisConfig, RedisLimiter},
};

use crate::args::Args;

/// On Redis, where one is given; while it is away each process holds its share.
pub(crate) fn shared(args: &Args) -> Result<Option<Arc<dyn Limiter>>, Box<dyn Error>> {
    let Some(url) = &args.redis_url else {
        return Ok(None);
    };
    let limiter = RedisLimiter::open(RedisConfig::from_url(url)?);
    Ok(Some(Arc::new(LocalShare::new(limiter, args.processes))))
}
