// Drives Graphile Worker with the settings that were the fastest here (MODE=best), those of its own test
// (MODE=upstream), or none (MODE=defaults): jobs that do nothing, inserted first and then worked. Prints one line of JSON.
//
//   DATABASE_URL=… MODE=best node run.cjs 100000
//   DATABASE_URL=… MODE=latency node run.cjs 2000 200

const { spawn } = require("node:child_process");
const { Pool } = require("pg");
const { run, runMigrations, makeWorkerUtils, Logger } = require("graphile-worker");

process.env.NO_LOG_SUCCESS = "1";
const connectionString = process.env.DATABASE_URL;
const mode = process.env.MODE || "best";
const settings = {
  best: { processes: 2, concurrency: 24, pool: 10, queue: 5000, batch: 0 },
  upstream: { processes: 4, concurrency: 24, pool: 10, queue: 500, batch: 0 },
  defaults: { processes: 1, concurrency: 1, pool: 10, queue: null, batch: null },
}[mode === "latency" ? "best" : mode];
const logger = new Logger(() => (level, message) => {
  if (level === "error") console.error(message);
});

function options(taskList) {
  const preset = { worker: {} };
  if (settings.queue !== null) {
    preset.worker.localQueue = { size: settings.queue };
    preset.worker.completeJobBatchDelay = settings.batch;
    preset.worker.failJobBatchDelay = settings.batch;
  }
  return {
    connectionString,
    concurrency: settings.concurrency,
    maxPoolSize: settings.pool,
    noHandleSignals: false,
    pollInterval: 2000,
    logger,
    preset,
    taskList,
  };
}

async function latency(pool, count, rate) {
  const took = [];
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const runner = await run(options({
    bench: async (payload) => {
      took.push(performance.now() - payload.at);
      if (took.length === count) done();
    },
  }));
  const utils = await makeWorkerUtils({ connectionString, logger });
  const began = performance.now();
  for (let number = 0; number < count; number++) {
    const wait = began + (number * 1000) / rate - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    utils.addJob("bench", { number, at: performance.now(), body: "x".repeat(180) });
  }
  await all;
  const last = took.slice(count / 10).sort((a, b) => a - b);
  const at = (share) => last[Math.floor((last.length - 1) * share)];
  console.log(JSON.stringify({
    system: "graphile", load: `latency at ${rate}/s`, deliveries: last.length,
    p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1),
  }));
  await utils.release();
  await runner.stop();
  await pool.end();
}

async function work() {
  const runner = await run(options({ bench: async () => {} }));
  await runner.promise;
}

async function main() {
  const count = Number(process.argv[2] || 100000);
  if (process.argv[2] === "work") return work();
  const pool = new Pool({ connectionString });
  await runMigrations({ connectionString, logger });
  await pool.query("DELETE FROM graphile_worker._private_jobs");
  if (mode === "latency") return latency(pool, count, Number(process.argv[3]));
  const insertBegan = performance.now();
  for (let first = 0; first < count; first += 5000) {
    await pool.query(
      `SELECT graphile_worker.add_jobs(array(
         SELECT json_populate_record(null::graphile_worker.job_spec,
           json_build_object('identifier', 'bench', 'payload', json_build_object('number', n, 'body', repeat('x', 180))))
         FROM generate_series($1::int, $2::int) AS n))`,
      [first, Math.min(first + 5000, count) - 1],
    );
  }
  const inserted = (performance.now() - insertBegan) / 1000;
  await pool.query("VACUUM ANALYZE graphile_worker._private_jobs");
  await pool.query("CHECKPOINT");
  const from = (await pool.query("SELECT pg_current_wal_lsn()::text AS at")).rows[0].at;
  const began = performance.now();
  const children = Array.from({ length: settings.processes }, () =>
    spawn(process.execPath, [__filename, "work"], { stdio: ["ignore", "ignore", "inherit"] }));
  for (;;) {
    const left = await pool.query("SELECT EXISTS (SELECT 1 FROM graphile_worker._private_jobs) AS some");
    if (!left.rows[0].some) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const drained = (performance.now() - began) / 1000;
  const wal = (await pool.query("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1)::float8 AS bytes", [from])).rows[0].bytes;
  for (const child of children) child.kill("SIGTERM");
  console.log(JSON.stringify({
    system: "graphile", load: `drain and whole, ${mode}`, deliveries: count,
    insert_per_second: count / inserted, drain_per_second: count / drained,
    whole_per_second: count / (inserted + drained), wal_bytes: wal / count,
  }));
  await pool.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
