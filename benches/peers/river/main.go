// Drives River as its own benchmark does, with the settings that were the fastest here: jobs that do nothing, inserted
// first and then worked (drain), or inserted at a rate (latency). Prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

type args struct {
	Number int    `json:"number"`
	At     int64  `json:"at"`
	Body   string `json:"body"`
}

func (args) Kind() string { return "bench" }

type worker struct {
	river.WorkerDefaults[args]
	mutex sync.Mutex
	took  []float64
}

func (w *worker) Work(_ context.Context, job *river.Job[args]) error {
	if job.Args.At > 0 {
		took := float64(time.Now().UnixNano()-job.Args.At) / 1e6
		w.mutex.Lock()
		w.took = append(w.took, took)
		w.mutex.Unlock()
	}
	return nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	count := flag.Int("n", 100000, "how many jobs")
	rate := flag.Int("rate", 0, "jobs a second, for latency; 0 to drain")
	flag.Parse()
	ctx := context.Background()
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	check(err)
	config.MaxConns = 20
	pool, err := pgxpool.NewWithConfig(ctx, config)
	check(err)
	defer pool.Close()
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	check(err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	check(err)
	_, err = pool.Exec(ctx, "TRUNCATE river_job")
	check(err)

	workers := river.NewWorkers()
	w := &worker{}
	river.AddWorker(workers, w)
	client, err := river.NewClient(driver, &river.Config{
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: 5 * time.Millisecond,
		JobTimeout:        -1,
		Logger:            slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2000}},
		Workers:           workers,
	})
	check(err)
	events, cancel := client.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: 400000,
		Kinds:    []river.EventKind{river.EventKindJobCompleted},
	})
	defer cancel()
	body := strings.Repeat("x", 180)

	if *rate > 0 {
		check(client.Start(ctx))
		began := time.Now()
		for number := 0; number < *count; number++ {
			time.Sleep(time.Until(began.Add(time.Duration(number) * time.Second / time.Duration(*rate))))
			go func(number int) {
				_, err := client.Insert(ctx, args{Number: number, At: time.Now().UnixNano(), Body: body}, nil)
				check(err)
			}(number)
		}
		for done := 0; done < *count; done++ {
			<-events
		}
		took := w.took[len(w.took)/10:]
		sort.Float64s(took)
		at := func(share float64) float64 { return took[int(float64(len(took)-1)*share)] }
		check(json.NewEncoder(os.Stdout).Encode(map[string]any{
			"system": "river", "load": fmt.Sprintf("latency at %d/s", *rate), "deliveries": len(took),
			"p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1),
		}))
		check(client.Stop(ctx))
		return
	}

	insertBegan := time.Now()
	for first := 0; first < *count; first += 5000 {
		batch := make([]river.InsertManyParams, 0, 5000)
		for number := first; number < first+5000 && number < *count; number++ {
			batch = append(batch, river.InsertManyParams{Args: args{Number: number, Body: body}})
		}
		_, err := client.InsertManyFast(ctx, batch)
		check(err)
	}
	inserted := time.Since(insertBegan)
	_, err = pool.Exec(ctx, "VACUUM ANALYZE river_job")
	check(err)
	_, err = pool.Exec(ctx, "CHECKPOINT")
	check(err)
	var from string
	check(pool.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&from))
	began := time.Now()
	check(client.Start(ctx))
	for done := 0; done < *count; done++ {
		<-events
	}
	drained := time.Since(began)
	var wal float64
	check(pool.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1)::float8", from).Scan(&wal))
	var completed int
	check(pool.QueryRow(ctx, "SELECT count(*) FROM river_job WHERE state = 'completed'").Scan(&completed))
	if completed != *count {
		check(fmt.Errorf("%d of %d were completed", completed, *count))
	}
	check(client.Stop(ctx))
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"system": "river", "load": "drain and whole", "deliveries": *count,
		"insert_per_second": float64(*count) / inserted.Seconds(),
		"drain_per_second":  float64(*count) / drained.Seconds(),
		"whole_per_second":  float64(*count) / (inserted + drained).Seconds(),
		"wal_bytes":         wal / float64(*count),
	}))
}
