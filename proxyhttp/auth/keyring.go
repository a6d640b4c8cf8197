package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/proxyhttp/config"
)

const (
	// betweenFetches is the shortest time from one attempt to the next, however
	// many tokens name keys that nobody knows.
	betweenFetches = 10 * time.Second
	// keysAge is how old the keys may grow before they are fetched again behind
	// the scenes, so that a key that was taken back is forgotten.
	keysAge = 5 * time.Minute
	// afterFailure is when a failed fetch is tried again unasked.
	afterFailure = 30 * time.Second
	fetchTimeout = 5 * time.Second
	maxKeyBytes  = 1 << 20
)

// keyring keeps the issuer's keys. One fetch runs at a time; who needs it
// waits for it. After a failure the last known keys stay.
type keyring struct {
	fetch   func(ctx context.Context) ([]byte, error)
	from    string // for sentences: a host or a file name, never a whole URL
	now     func() time.Time
	log     *slog.Logger
	current atomic.Pointer[keySet]
	due     atomic.Int64 // when the keys are old, in nanoseconds

	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	tried   time.Time
	running chan struct{} // closed at the end of the fetch under way; nil: none

	fetches, failures, limited atomic.Int64
}

func newKeyring(ctx context.Context, cfg *config.JWT, o Options) (*keyring, error) {
	k := &keyring{now: o.Now, log: o.Log}
	if cfg.IsURL() {
		u, err := url.Parse(cfg.JWKS)
		if err != nil {
			return nil, errors.New("jwks is no URL")
		}
		k.from, k.fetch = u.Host, fetchURL(cfg.JWKS, o.Client)
	} else {
		k.from, k.fetch = filepath.Base(cfg.JWKS), func(context.Context) ([]byte, error) { return readKeys(cfg.JWKS) }
	}
	k.ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	k.tried = k.now()
	if err := k.load(ctx); err != nil {
		k.cancel()
		return nil, fmt.Errorf("the keys of %s cannot be had: %w", k.from, err)
	}
	return k, nil
}

func (k *keyring) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.cancel()
	k.group.Wait()
}

// load fetches once and puts the keys in place.
func (k *keyring) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	k.fetches.Add(1)
	err := k.take(k.fetch(ctx))
	again := keysAge
	if err != nil {
		k.failures.Add(1)
		again = afterFailure
	}
	k.due.Store(k.now().Add(again).UnixNano())
	return err
}

// take puts fetched keys in place, if they are any.
func (k *keyring) take(data []byte, err error) error {
	if err == nil && len(data) > maxKeyBytes {
		err = fmt.Errorf("they have more than %d bytes", maxKeyBytes)
	}
	was := k.current.Load()
	if err != nil || was != nil && was.text == string(data) {
		return err
	}
	keys, err := parseKeys(data)
	if err != nil {
		return err
	}
	next := &keySet{keys: keys, text: string(data)}
	if was != nil {
		next.generation = was.generation + 1
	}
	k.current.Store(next)
	return nil
}

// refreshIfOld begins a fetch behind the scenes when the keys have grown old.
func (k *keyring) refreshIfOld(now time.Time) {
	if now.UnixNano() >= k.due.Load() {
		k.begin()
	}
}

// refresh waits for the keys to be fetched anew, unless that was tried a
// moment ago.
func (k *keyring) refresh(ctx context.Context) {
	done := k.begin()
	if done == nil {
		k.limited.Add(1)
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// begin starts a fetch, or finds the one under way; nil: it is too early.
func (k *keyring) begin() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	switch {
	case k.running != nil:
		return k.running
	case k.closed || now.Sub(k.tried) < betweenFetches:
		return nil
	}
	done := make(chan struct{})
	k.tried, k.running = now, done
	k.group.Add(1)
	go func() {
		defer k.group.Done()
		err := k.load(k.ctx)
		if err != nil && k.ctx.Err() == nil {
			k.log.Warn("the keys that tokens are verified with could not be fetched; the last known ones stay", "from", k.from, "error", err)
		}
		k.mu.Lock()
		k.running = nil
		k.mu.Unlock()
		close(done)
	}()
	return done
}

func readKeys(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err // its text names the whole path
		}
		return nil, err
	}
	defer f.Close() // read only
	return io.ReadAll(io.LimitReader(f, maxKeyBytes+1))
}

func fetchURL(from string, client *http.Client) func(context.Context) ([]byte, error) {
	if client == nil {
		client = &http.Client{Timeout: fetchTimeout, CheckRedirect: safeRedirect}
	}
	return func(ctx context.Context) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
		if err != nil {
			return nil, errors.New("jwks is no URL")
		}
		req.Header.Set("Accept", "application/jwk-set+json, application/json")
		res, err := client.Do(req)
		if err != nil {
			var u *url.Error
			if errors.As(err, &u) {
				err = u.Err // its text has the whole URL
			}
			return nil, err
		}
		defer res.Body.Close() // read only
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("the server answered %s", res.Status)
		}
		return io.ReadAll(io.LimitReader(res.Body, maxKeyBytes+1))
	}
}

// safeRedirect follows a few redirects and none away from https.
func safeRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > 3:
		return errors.New("there are too many redirects")
	case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("it redirects to plain http")
	case via[0].URL.Scheme == "http" && req.URL.Hostname() != via[0].URL.Hostname() && req.URL.Scheme != "https":
		return errors.New("it redirects to another machine over plain http")
	}
	return nil
}
