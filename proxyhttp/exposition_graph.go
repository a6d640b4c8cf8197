package proxyhttp

import (
	"sort"

	"edgecache/depgraph"
)

var (
	matchDuration = declareHistogram(decades(1e-6, 0.1), "match_duration_seconds",
		"Time to find and suspend what one write may affect, lookups of partners included.")
	writeDuration = declareHistogram(decades(1e-4, 50), "write_duration_seconds",
		"Whole time of a write, from its statements to the settled cache, by outcome.", "outcome")
	writeSets = declare("counter", "write_sets_total",
		"Writes held against the cache: mapped, reported, and made elsewhere.")
	writeSetsRolledBack = declare("counter", "write_sets_rolled_back_total",
		"Writes among them that were undone, so that what they suspended was served again.")
	writesOpen = declare("gauge", "writes_open",
		"Writes that are published and not settled; what they may change is read through.")
	entriesAffected = declare("counter", "entries_affected_total",
		"Pairs of a settled write and a response that it may have changed, by rule: row (an image may satisfy the response's condition), whole (the rows of the write are not known).", "rule")
	entriesSpared = declare("counter", "entries_spared_total",
		"Pairs of a write and a response that it provably did not change, by the rule that proves it.", "rule")
	matchCandidates = declare("counter", "match_candidates_total",
		"Responses that the index named to writes; the closer to those affected by row, the better the index.")
	matchLookups = declare("counter", "match_lookups_total",
		"Questions for the partners of changed rows, asked inside writes.")
	templatesSuspended = declare("counter", "templates_suspended_total",
		"Times that a write suspended all responses of a statement; check says how to make matching more precise.")
	matchWidened = declare("counter", "match_widened_total",
		"Rows, conditions and statements that could not be evaluated and were taken to match.")

	entriesNow = declare("gauge", "entries",
		"Cached responses.")
	memoryBytes = declare("gauge", "memory_bytes",
		"Bytes of cached responses and their edges, estimated.")
	memoryMax = declare("gauge", "memory_max_bytes",
		"What store.max_memory allows.")
	entriesSuspended = declare("gauge", "entries_suspended",
		"Responses among them that writes under way hold.")
	entriesRemembered = declare("gauge", "entries_remembered",
		"Dropped responses of which it is remembered how hot they were.")
	outdatedEntries = declare("gauge", "outdated_entries",
		"Responses among them that stale_while_revalidate and stale_if_error may still show.")
	outdatedBytes = declare("gauge", "outdated_bytes",
		"Bytes of their bodies.")
	templatesNow = declare("gauge", "templates",
		"Cached statements, each combination of choices counted.")
	indexShapes = declare("gauge", "index_shapes",
		"Kinds of condition in which a changed row is looked up.")
	indexCoarse = declare("gauge", "index_coarse_entries",
		"Conditions of responses that are held against every changed row of their table; a growing number makes writes slow.")
	lookupsTotal = declare("counter", "lookups_total",
		"Looks into the cache by what they found. A miss looks again before it asks the source.", "state")
	installsTotal = declare("counter", "installs_total",
		"Responses offered to the cache by what became of them: installed, or refused: overtaken (by a write or a purge), outdated (older than the log of writes), too_large, unregistered (its mapping changed), failed.", "outcome")
	removalsTotal = declare("counter", "removals_total",
		"Responses that left the cache by cause. evicted: for lack of room; raise store.max_memory when it climbs.", "cause")
	indexErrors = declare("counter", "index_errors_total",
		"Operations that the index failed; what they were for was widened.")
	boundsMet = declare("counter", "bounds_met_total",
		"Times that a bound was met, which costs precision or speed, never freshness: index_shapes (a condition went on the coarse list), open_writes (a write was matched by its tables), write_log (a settled write left the log; fills older than it are refused), remembered (a dropped response was forgotten), outdated (the body of one went, which could still have been shown), index_debris (unused items stay in the index).", "bound")
)

// matching sends what writes met.
func (x exposition) matching(g depgraph.Stats) {
	x.send(writeSets, float64(g.Writes))
	x.send(writeSetsRolledBack, float64(g.RolledBack))
	x.send(writesOpen, float64(g.Open))
	x.each(entriesAffected, byRule(g.AffectedBy, depgraph.RuleRow, depgraph.RuleWhole))
	x.each(entriesSpared, byRule(g.SparedBy, depgraph.RuleTable, depgraph.RuleColumn, depgraph.RuleImage, depgraph.RulePredicate,
		depgraph.RuleOutput, depgraph.RuleRecord, depgraph.RuleWindow, depgraph.RuleJoin))
	x.send(matchCandidates, float64(g.Candidates))
	x.send(matchLookups, float64(g.Lookups))
	x.send(templatesSuspended, float64(g.Wide))
	x.send(matchWidened, float64(g.Widened))
	x.each(alarmsTotal, []result{{"graph", g.Alarms}})
}

// entries sends what the graph holds and how it came and went.
func (x exposition) entries(g depgraph.Stats) {
	x.send(entriesNow, float64(g.Entries))
	x.send(memoryBytes, float64(g.Bytes))
	x.send(memoryMax, float64(x.s.cfg.Store.MaxMemory))
	x.send(entriesSuspended, float64(g.Suspended))
	x.send(entriesRemembered, float64(g.Stale))
	x.send(outdatedEntries, float64(g.StaleBodies))
	x.send(outdatedBytes, float64(g.StaleBytes))
	x.send(templatesNow, float64(g.Templates))
	x.send(indexShapes, float64(g.Shapes))
	x.send(indexCoarse, float64(g.Coarse))
	x.each(lookupsTotal, []result{{"fresh", g.Hits}, {"absent", g.MissesAbsent}, {"suspended", g.MissesSuspended}, {"stale", g.MissesStale}})
	x.each(installsTotal, []result{{"installed", g.Installs}, {"overtaken", g.Overtaken}, {"outdated", g.Outdated},
		{"too_large", g.TooLarge}, {"unregistered", g.NoTemplate}, {"failed", g.Failed}})
	x.each(removalsTotal, []result{{"write", g.Dropped}, {"replaced", g.Replaced}, {"evicted", g.Evictions},
		{"expired", g.Expired}, {"purged", g.Purged}, {"unregistered", g.Unregistered}})
	x.send(indexErrors, float64(g.StoreErrors))
	x.each(boundsMet, []result{{"index_shapes", g.CoarseOverflow}, {"open_writes", g.OpenOverflow}, {"write_log", g.LogTrimmed},
		{"remembered", g.GhostsForgotten}, {"outdated", g.StaleBuried}, {"index_debris", g.DebrisForgotten}})
}

// byRule lists counts by rule: the rules that are always told, zero or not,
// and after them any other.
func byRule(m map[depgraph.Rule]int64, always ...depgraph.Rule) []result {
	told := make(map[depgraph.Rule]bool, len(always))
	out := make([]result, 0, len(m)+len(always))
	for _, r := range always {
		told[r] = true
		out = append(out, result{string(r), m[r]})
	}
	for r, n := range m {
		if !told[r] {
			out = append(out, result{string(r), n})
		}
	}
	sort.Slice(out[len(always):], func(i, j int) bool { return out[len(always)+i].name < out[len(always)+j].name })
	return out
}
