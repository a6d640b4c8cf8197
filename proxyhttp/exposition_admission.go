package proxyhttp

var (
	callsActive = declare("gauge", "source_calls_active",
		"Calls of a source under way, reads and writes apart.", "source", "kind")
	callsWaiting = declare("gauge", "source_calls_waiting",
		"Calls that wait in line for a connection of the source.", "source", "kind")
	callsTotal = declare("counter", "source_calls_total",
		"Calls of a source by how they were let in: admitted; turned away: full (too many in line), hopeless (the turn would have come too late), late (it did not come in time); left (the client went).", "source", "kind", "result")
	circuitOpen = declare("gauge", "source_circuit_open",
		"1 while a source is not asked, since it could not be reached; only probes are.", "source")
	circuitOpenAge = declare("gauge", "source_circuit_open_seconds",
		"For how long it has not been asked.", "source")
	circuitFailures = declare("gauge", "source_failures_in_a_row",
		"Calls in a row that could not reach the source.", "source")
	circuitOpened = declare("counter", "source_circuit_opened_total",
		"Times that a source was found to be out of reach.", "source")
	circuitRefused = declare("counter", "source_circuit_refused_total",
		"Calls that were not made while it was.", "source")
	circuitProbes = declare("counter", "source_circuit_probes_total",
		"Probes whether it can be reached.", "source")
)

// admission sends who was let in to a source.
func (x exposition) admission(source, kind string, a AdmissionStats) {
	x.send(callsActive, float64(a.Active), source, kind)
	x.send(callsWaiting, float64(a.Waiting), source, kind)
	x.each(callsTotal, []result{{"admitted", a.Admitted}, {"full", a.Full}, {"hopeless", a.Hopeless}, {"late", a.Late}, {"left", a.Left}}, source, kind)
}

// circuit sends how a source's circuit stands.
func (x exposition) circuit(source string, c CircuitStats) {
	x.send(circuitOpen, oneIf(c.Open), source)
	x.send(circuitOpenAge, c.OpenSeconds, source)
	x.send(circuitFailures, float64(c.Failures), source)
	x.send(circuitOpened, float64(c.Opened), source)
	x.send(circuitRefused, float64(c.Refused), source)
	x.send(circuitProbes, float64(c.Probes), source)
}
