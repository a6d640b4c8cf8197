package proxyhttp

import (
	"runtime"
	"strconv"
	"time"
)

var (
	hitsTotal = declare("counter", "hits_total",
		"Requests answered from the cache.", "endpoint")
	missesTotal = declare("counter", "misses_total",
		"Requests answered from the source, by reason: absent (not asked for before, or forgotten), stale (a write, its age or a purge ended the answer), suspended (a write that may change it was under way), request (the client asked with no-cache), uncacheable (answers of the endpoint are not kept), schema (the schema of the source was changing).",
		"endpoint", "reason")
	outdatedTotal = declare("counter", "outdated_answers_total",
		"Requests of eventual endpoints answered with what was known to be outdated, by why: revalidating (stale_while_revalidate, while it is read again), error (stale_if_error, instead of a problem).",
		"endpoint", "reason")
	savedSeconds = declare("counter", "source_time_saved_seconds_total",
		"Source time that hits did not take: each counts what filling its answer took.", "endpoint")
	writesTotal = declare("counter", "writes_total",
		"Mapped writes answered with success.", "endpoint")
	problemsTotal = declare("counter", "problems_total",
		"Requests answered with a problem. Status 499 is a client that left before its answer; an empty endpoint is a request that met none.",
		"endpoint", "status")
	endpointsMapped = declare("gauge", "endpoints",
		"Mapped endpoints. Those past the first 1000 share the label \"(other)\".", "kind")
	endpointsBroken = declare("gauge", "endpoints_broken",
		"Endpoints that no longer fit the schema of their source and answer with a problem; the log says why.")
	endpointsShelved = declare("gauge", "endpoints_shelved",
		"Mappings registered at run time that are kept and not served; GET /v1/endpoints says why.")
	endpointsUnlabelled = declare("gauge", "endpoints_unlabelled",
		"Endpoints that share the label \"(other)\".")
	panicsTotal = declare("counter", "panics_total",
		"Bugs caught while a client waited; each has a stack in the log.")
	alarmsTotal = declare("counter", "alarms_total",
		"What should never happen and was repaired; look at GET /v1/alarms. graph: an invariant of the dependency graph was broken, which is a bug to report. self_check: a cached answer was not what the source says, which is a bug or a write that was made elsewhere and not reported.", "kind")
	selfChecks = declare("counter", "self_checks_total",
		"Sampled hits that were compared with the source, by result: right, wrong (an alarm), undecided (a write came between), undetermined (data do not determine the answer), yielded (refills needed the source's time), overflowed (too many waited), failed (the source did not answer).", "result")
	selfCheckQueue = declare("gauge", "self_check_queue_length",
		"Sampled hits that wait to be compared.")
	requestsTurnedAway = declare("counter", "requests_turned_away_total",
		"Requests answered with 503 at once because too many were under way: all of them, or those that need the source.", "gate")
	buildInfo = declare("gauge", "build_info",
		"Always 1; the labels tell what runs.", "version", "go_version")
)

// requests sends what became of requests, by endpoint.
func (x exposition) requests() {
	m := x.s.metrics
	reg := x.s.current()
	totals, unlabelled := m.labels.totals(reg.endpoints)
	for i := range totals {
		x.endpoint(&totals[i])
	}
	var nobody endpointTotals
	for i := range m.nobody {
		nobody.problems[i] = m.nobody[i].Load()
	}
	x.problems(&nobody)
	var kinds [2]int64
	var broken int64
	for _, e := range reg.endpoints {
		if e.isWrite {
			kinds[1]++
		} else {
			kinds[0]++
		}
		if e.plan.Load().broken != "" {
			broken++
		}
	}
	x.each(endpointsMapped, []result{{"read", kinds[0]}, {"write", kinds[1]}})
	x.send(endpointsBroken, float64(broken))
	x.send(endpointsShelved, float64(len(reg.shelved)))
	x.send(endpointsUnlabelled, float64(unlabelled))
}

// endpoint sends the series of one label. A write has only its own.
func (x exposition) endpoint(t *endpointTotals) {
	if t.reads {
		x.send(hitsTotal, float64(t.hits), t.label)
		x.send(savedSeconds, time.Duration(t.saved).Seconds(), t.label)
		for r := missReason(0); r < missReasons; r++ {
			x.send(missesTotal, float64(t.misses[r]), t.label, r.String())
		}
	}
	for i, reason := range [...]string{staleRevalidating: "revalidating", staleError: "error"} {
		if t.outdated[i] > 0 {
			x.send(outdatedTotal, float64(t.outdated[i]), t.label, reason)
		}
	}
	if !t.reads || t.writes > 0 {
		x.send(writesTotal, float64(t.writes), t.label)
	}
	x.problems(t)
}

// problems sends the statuses that there were; most never are.
func (x exposition) problems(t *endpointTotals) {
	for i, n := range t.problems {
		if n == 0 {
			continue
		}
		status := "other"
		if problemStatuses[i] != 0 {
			status = strconv.Itoa(problemStatuses[i])
		}
		x.send(problemsTotal, float64(n), t.label, status)
	}
}

// server sends what is counted for all requests together.
func (x exposition) server() {
	m := x.s.metrics
	x.send(panicsTotal, float64(m.panics.Load()))
	x.each(requestsTurnedAway, []result{{"requests", m.busy[busyRequests].Load()}, {"source", m.busy[busySources].Load()}})
	x.checks(x.s.checker)
	x.send(buildInfo, 1, x.s.version, runtime.Version())
}

// checks sends what the self-check found.
func (x exposition) checks(c *checker) {
	results := make([]result, checkResults)
	for r := checkResult(0); r < checkResults; r++ {
		results[r] = result{r.String(), c.count[r].Load()}
	}
	x.each(selfChecks, results)
	x.each(alarmsTotal, []result{{"self_check", c.count[checkWrong].Load()}})
	x.send(selfCheckQueue, float64(len(c.queue)))
}
