package proxyhttp

import (
	"edgecache/depgraph"
	"edgecache/proxyhttp/auth"
)

// What only some servers have: a store, tokens, certificates.
var (
	storeBytes = declare("gauge", "store_bytes",
		"Bytes of the store's file.")
	storeWaiting = declare("gauge", "store_waiting",
		"Changes that wait to be written to the store.")
	storeFailing = declare("gauge", "store_failing",
		"1 while the disk refuses the store: what changes now is read again after a restart. Look at the log.")
	storeRestored = declare("gauge", "store_restored",
		"1 once everything that was kept over the restart has been looked at.")
	storeChanges = declare("counter", "store_changes_total",
		"Changes by what became of them in the store; overflowed and unwritten ones cost reads after a restart.", "event")
	storeRewrites = declare("counter", "store_rewrites_total",
		"Times that the file was replaced by what is alive in it.")
	storeErrors = declare("counter", "store_errors_total",
		"Operations that the disk refused.")
	storeDamaged = declare("counter", "store_damaged_total",
		"Damaged files that were set aside.")
	storeUnreadable = declare("counter", "store_unreadable_total",
		"Records of the store that could not be understood and were left out.")

	authTotal = declare("counter", "auth_total",
		"Requests to endpoints that ask for an identity by what became of them; remembered and verified are among the accepted.", "result")
	authForgotten = declare("counter", "auth_forgotten_total",
		"Verified tokens that went for lack of room; each costs a signature when it comes again.")
	authKeyFetches = declare("counter", "auth_key_fetches_total",
		"Attempts to fetch the issuer's keys; limited ones were not made because another was a moment ago.", "result")
	authKeys = declare("gauge", "auth_keys",
		"Keys that can verify tokens.")
	certificateReloads = declare("counter", "certificate_reloads_total",
		"Certificates read again after their files changed; a failed one leaves the last in use.", "of", "result")
)

// store sends what the file does.
func (x exposition) store(st depgraph.VaultStats) {
	x.send(storeBytes, float64(st.Bytes))
	x.send(storeWaiting, float64(st.Waiting))
	x.send(storeFailing, oneIf(st.Failing))
	x.send(storeRestored, oneIf(st.Restored))
	x.each(storeChanges, []result{{"written", st.Written}, {"deleted", st.Deleted}, {"overflowed", st.Overflowed}, {"unwritten", st.Unwritten}})
	x.send(storeRewrites, float64(st.Rewrites))
	x.send(storeErrors, float64(st.Errors))
	x.send(storeDamaged, float64(st.Damaged))
	x.send(storeUnreadable, float64(st.Unreadable))
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// auth sends what became of tokens.
func (x exposition) auth(a auth.Stats) {
	x.each(authTotal, []result{{"accepted", a.Accepted}, {"refused", a.Refused}, {"anonymous", a.Anonymous},
		{"remembered", a.Remembered}, {"verified", a.Verified}})
	x.send(authForgotten, float64(a.Forgotten))
	x.each(authKeyFetches, []result{{"ok", a.Fetches - a.Failures}, {"failed", a.Failures}, {"limited", a.Limited}})
	x.send(authKeys, float64(a.Keys))
}

// certificates sends how often files were read again.
func (x exposition) certificates() {
	for _, c := range []*certificate{x.s.dataCert, x.s.controlCert} {
		if c != nil {
			x.each(certificateReloads, []result{{"ok", c.reloads.Load()}, {"failed", c.failed.Load()}}, c.name)
		}
	}
}
