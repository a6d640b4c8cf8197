package proxyhttp

import (
	"edgecache/rehydrate"
	"edgecache/source/mysql"
	"edgecache/source/sqlite"
)

var (
	fillsTotal = declare("counter", "fills_total",
		"Requests that came to a read of the source, by how they were served: started (a flight of their own), joined (that of another), busy (refused: too many flights), closed (refused: shutting down).", "result")
	fillsWaited = declare("counter", "fills_waited_total",
		"Requests among them that waited for the next flight, since a write overtook the one under way.")
	fillsLeft = declare("counter", "fills_left_total",
		"Requests among them whose client left before the flight landed.")
	flightsNow = declare("gauge", "flights",
		"Flights that read, or wait to.")
	flightsTotal = declare("counter", "flights_total",
		"Flights by how they ended: answered, failed (the source's error, or a bound), panicked (a bug; the log has the stack).", "result")
	flightReads = declare("counter", "flight_reads_total",
		"Reads of the source begun by flights; the other flights found an answer that had just come.")

	queueLength = declare("gauge", "refill_queue_length",
		"Dropped responses that wait to be read again.")
	queueRunning = declare("gauge", "refills_running",
		"Responses that are being read again behind the scenes.")
	queueOldest = declare("gauge", "refill_queue_oldest_age_seconds",
		"How long the first of those that wait has waited.")
	refillsTotal = declare("counter", "refills_total",
		"Dropped responses by what became of their refill: done, failed, coalesced (with one that waited for the same key), overflowed (dropped as the coldest of a full queue), cancelled (a client asked first), discarded (shutting down).", "event")
	refillsDeferred = declare("counter", "refills_deferred_total",
		"Times that a free worker was held back because refills had taken the source time that clients' misses earned.")
	refillsEarned = declare("gauge", "refill_budget_earned_seconds",
		"Source time that clients' own misses took in the last minute: what refills may take too.")
	refillsSpent = declare("gauge", "refill_budget_spent_seconds",
		"Source time that refills took in the last minute.")
	revalidationsNow = declare("gauge", "revalidations_running",
		"Outdated answers of eventual endpoints that are being read again.")
	revalidationsTotal = declare("counter", "revalidations_total",
		"Reads behind outdated answers: done, failed, full (not begun, for too many ran; a later request begins it).", "result")
	refreshesTotal = declare("counter", "refreshes_total",
		"Responses that a write dropped and that were read again behind the scenes, by whether their body had changed. Unchanged ones were dropped for nothing: matching could be more precise.", "body")

	sourceReadDuration = declareHistogram(decades(1e-4, 50), "source_read_duration_seconds",
		"Source time of one read.", "source")
	sourceWriteDuration = declareHistogram(decades(1e-4, 50), "source_write_duration_seconds",
		"Source time of one write's transaction.", "source")
	sourceEvents = declare("counter", "source_events_total",
		"What drivers count: queries and writes; foreign_writes (made elsewhere and noticed); whole_tables, capped_tables, everything (writes whose rows could not be followed, by how far that was widened); unknown_outcomes; killed_sessions and unproven_sessions (of lost writes); schema_loads; reopened (database files).",
		"source", "event")
	lostWritesNow = declare("gauge", "writes_lost",
		"Writes with an unknown outcome that may still take effect; what they may change is read through.", "source")
	lostWritesAge = declare("gauge", "writes_lost_oldest_age_seconds",
		"For how long the first of them is held open.", "source")
	lostSessions = declare("gauge", "source_lost_sessions",
		"Database sessions of lost writes that may still be alive.", "source")
	lostSessionsAge = declare("gauge", "source_lost_sessions_oldest_age_seconds",
		"For how long the first of them is searched for.", "source")
)

// flights sends how reads of the source were shared.
func (x exposition) flights(f rehydrate.FillStats) {
	x.each(fillsTotal, []result{{"started", f.Started}, {"joined", f.Joined}, {"busy", f.Busy}, {"closed", f.Closed}})
	x.send(fillsWaited, float64(f.Waited))
	x.send(fillsLeft, float64(f.Left))
	x.send(flightsNow, float64(f.Flights))
	x.each(flightsTotal, []result{{"answered", f.Landed - f.Failed}, {"failed", f.Failed - f.Panics}, {"panicked", f.Panics}})
	x.send(flightReads, float64(f.Reads))
}

// refills sends what the queue does.
func (x exposition) refills(q rehydrate.QueueStats) {
	x.send(queueLength, float64(q.Length))
	x.send(queueRunning, float64(q.Running))
	x.send(queueOldest, q.OldestAge.Seconds())
	x.each(refillsTotal, []result{{"done", q.Done}, {"failed", q.Failed}, {"coalesced", q.Coalesced},
		{"overflowed", q.Overflowed}, {"cancelled", q.Cancelled}, {"discarded", q.Discarded}})
	x.send(refillsDeferred, float64(q.Deferred))
	x.send(refillsEarned, q.Earned.Seconds())
	x.send(refillsSpent, q.Spent.Seconds())
	r := &x.s.metrics.refreshed
	x.each(refreshesTotal, []result{{"unchanged", r[bodyUnchanged].Load()}, {"changed", r[bodyModified].Load()}})
}

// revalidations sends the reads behind outdated answers.
func (x exposition) revalidations(v RevalidationStats) {
	x.send(revalidationsNow, float64(v.Running))
	x.each(revalidationsTotal, []result{{"done", v.Begun - v.Failed - int64(v.Running)}, {"failed", v.Failed}, {"full", v.Full}})
}

// sources sends what each source counts.
func (x exposition) sources() {
	for _, c := range x.s.cfg.Sources {
		db := x.s.databases[c.Name]
		open, oldest := db.lost.reading()
		x.send(lostWritesNow, float64(open), db.name)
		x.send(lostWritesAge, oldest.Seconds(), db.name)
		x.admission(db.name, "read", db.reads.reading())
		x.admission(db.name, "write", db.writes.reading())
		x.circuit(db.name, db.circuit.reading())
		switch src := db.src.(type) {
		case interface{ Stats() sqlite.Stats }:
			x.sqlite(db.name, src.Stats())
		case interface{ Stats() mysql.Stats }:
			x.mysql(db.name, src.Stats())
		}
	}
}

func (x exposition) sqlite(name string, st sqlite.Stats) {
	x.each(sourceEvents, []result{{"queries", st.Queries}, {"writes", st.Writes}, {"foreign_writes", st.ForeignWrites},
		{"capped_tables", st.CappedTables}, {"unknown_outcomes", st.UnknownOutcomes}, {"reopened", st.Reopened}}, name)
}

func (x exposition) mysql(name string, st mysql.Stats) {
	x.each(sourceEvents, []result{{"queries", st.Queries}, {"writes", st.Writes}, {"whole_tables", st.WholeTables},
		{"capped_tables", st.CappedTables}, {"everything", st.Everything}, {"unknown_outcomes", st.UnknownOutcomes},
		{"killed_sessions", st.KilledSessions}, {"unproven_sessions", st.Unproven}, {"schema_loads", st.Reloads}}, name)
	x.send(lostSessions, float64(st.LostSessions), name)
	x.send(lostSessionsAge, st.OldestLost.Seconds(), name)
}
